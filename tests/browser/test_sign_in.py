"""Signing in at a real coordinator that asks for keys: with a key, and with an OpenID provider."""

import time

import pytest
from selenium.webdriver.common.keys import Keys

from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import KeyStore, KeyWish

from ..acceptance.grids import Apart, eventually, free_port
from .pages import Console, found, links, press, until
from .provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.browser

SECRETS = """\
[auth]
redirect_uri = "{console}/oauth2callback"
cookie_secret = "as long as cookies that are signed should want it"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[keys]
"ada@lab.example" = "{admin}"
"*@lab.example" = "{submitter}"
"""


CODE = ".st-key-submit_code textarea"
"""The editor of the Submit page."""


class Lab:
    """A coordinator that asks for keys, a console, and a provider that knows who comes."""

    def __init__(self, folder, provider):
        self.provider = provider
        self.grid = Apart(folder, folder / "data", IDLEGRID_AUTH="required").start(nodes=0)
        self.store = KeyStore(open_engine(f"sqlite:///{folder / 'data' / 'grid.db'}"))
        self.admin, self.submitter = self.key("ada", "admin"), self.key("everybody", "submit")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        secrets = folder / "secrets.toml"
        secrets.write_text(
            SECRETS.format(console=self.url, client=CLIENT, secret=SECRET, provider=provider.url, admin=self.admin[0],
                           submitter=self.submitter[0])
        )  # fmt: skip
        secrets.chmod(0o600)
        # Its own key, which it is to lend to nobody.
        own = {"IDLEGRID_API_KEY": self.admin[0]}
        self.console = Console(folder, self.grid.url, "--secrets", str(secrets), port=port, **own)
        self.console.start()

    def key(self, name, *scopes):
        """A key, and what the record has of it."""
        return self.store.create(KeyWish(name, scopes), time.time())

    def close(self):
        self.console.close()
        self.grid.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, camera):
    with Provider() as provider:
        made = Lab(tmp_path_factory.mktemp("lab"), provider)
        try:
            eventually(lambda: camera._answers(f"{made.url}/_stcore/health"), "the console answers")
            yield made
        finally:
            made.close()


@pytest.fixture
def browser(chromium, lab):
    """The console's door, for somebody new."""
    chromium.delete_all_cookies()
    chromium.get(lab.url)
    chromium.delete_all_cookies()
    chromium.get(lab.url)
    until(chromium, "Sign in")
    return chromium


def enter(browser, key):
    found(browser, ".st-key-sign_in_key input").send_keys(key, Keys.ENTER)


def test_a_key_opens_what_its_scopes_allow_and_a_wrong_one_nothing(browser, lab):
    assert links(browser) == []
    enter(browser, "ig_guessed")
    until(browser, "API key", gone=["This grid asks for a key."])
    assert links(browser) == []
    enter(browser, lab.submitter[0])
    until(browser, "everybody", "Sign out", "Submit", gone=["Sign in"])
    assert links(browser) == ["Submit", "Runs"]
    press(browser, "Sign out")
    until(browser, "This grid asks for a key.", gone=["Sign out"])
    assert links(browser) == []


def test_a_key_that_is_revoked_leads_back_with_the_reason_and_the_code_is_kept(browser, lab):
    secret, key = lab.key("grace", "submit")
    enter(browser, secret)
    until(browser, "grace", "Submit", gone=["Sign in"])
    found(browser, CODE).send_keys(Keys.CONTROL, "a")
    found(browser, CODE).send_keys("print('half written')", Keys.TAB)
    lab.store.revoke(key.id, time.time())
    until(browser, "Sign in", "revoked", gone=["Sign out"])
    enter(browser, lab.key("grace", "submit")[0])
    until(browser, "grace", "Submit", gone=["Sign in"])
    assert found(browser, CODE).get_attribute("value") == "print('half written')"


def test_who_signs_in_with_the_provider_is_asked_for_with_the_key_kept_for_them(browser, lab):
    lab.provider.person = {"email": "Ada@lab.example", "email_verified": True, "name": "Ada"}
    press(browser, "Sign in with OpenID")
    until(browser, "ada", "admin", "Sign out", gone=["Sign in with"])
    assert links(browser)[-2:] == ["Keys", "Webhooks"]
    press(browser, "Sign out")
    until(browser, "Sign in with OpenID", gone=["Sign out"])


def test_somebody_without_a_key_is_told_so_and_can_sign_out(browser, lab):
    lab.provider.person = {"email": "eve@elsewhere.example", "name": "Eve"}
    press(browser, "Sign in with OpenID")
    until(browser, "You are signed in as eve@elsewhere.example, for whom this console keeps no key.")
    assert links(browser) == []
    press(browser, "Sign out")
    until(browser, "This grid asks for a key.", gone=["Sign out"])
