"""Keys and webhooks in a real browser, on a grid that asks for keys: made, used by others over HTTP, taken back."""

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from idlegrid import Client, NotAllowed

from ..acceptance.endpoints import endpoint
from .pages import PATIENCE, text, until

pytestmark = pytest.mark.browser

BOX, FIRST_ROW = 15, 52
"""Where the box of a table's first row is, from its corner, in pixels."""


@pytest.fixture(scope="module")
def grid(camera):
    """A grid that asks for keys, and may call addresses of this machine; its console has the operator's key."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IDLEGRID_AUTH", "required")
        environment.setenv("IDLEGRID_WEBHOOK_ALLOW_PRIVATE", "true")
        with camera.grid(nodes=0) as urls:
            yield urls


def comes(browser, condition, description):
    waiting = WebDriverWait(browser, PATIENCE, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException])
    try:
        return waiting.until(condition)
    except TimeoutException:
        raise AssertionError(f"waited in vain until {description}; it shows: {text(browser)!r}") from None


def press(browser, key):
    """Press the button with this key, as soon as it stands there."""
    found = (By.CSS_SELECTOR, f".st-key-{key} button")

    def pressed(browser):
        buttons = browser.find_elements(*found)
        if buttons:
            buttons[0].click()
        return bool(buttons)

    comes(browser, pressed, f"there is a button {key}")


def fill(browser, key, words):
    place = (By.CSS_SELECTOR, f".st-key-{key} input")
    comes(browser, lambda b: b.find_elements(*place), f"the form has {key}")
    field = browser.find_element(*place)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(words, Keys.TAB)


def choose_first_row(browser, table, sign):
    """Tables are drawn on a canvas: the box is a place, and a click may miss what is drawn anew."""
    place = (By.CSS_SELECTOR, f".st-key-{table} canvas")
    comes(browser, lambda b: b.find_elements(*place), f"there is a table {table}")

    def chosen(browser):
        canvas = browser.find_element(*place)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        left, top = BOX - canvas.size["width"] // 2, FIRST_ROW - canvas.size["height"] // 2
        ActionChains(browser).move_to_element_with_offset(canvas, left, top).click().perform()
        try:
            return WebDriverWait(browser, 10, poll_frequency=0.1).until(
                lambda b: b.find_elements(By.CSS_SELECTOR, sign)
            )
        except TimeoutException:
            return False

    comes(browser, chosen, f"a row of {table} is chosen")


def secret(browser, place):
    """What is shown once."""
    found = (By.CSS_SELECTOR, f".st-key-secret_{place} code")
    return comes(browser, lambda b: [one.text for one in b.find_elements(*found)], "the secret is shown")[0]


def opens(grid, key):
    """Whether the coordinator takes the key."""
    with Client(grid[0], key) as caller:
        try:
            return caller.runs(size=1).total == 0
        except NotAllowed:
            return False


def test_a_key_is_made_shown_once_used_and_revoked(visit, grid):
    browser = visit("keys")
    press(browser, "key_new")
    fill(browser, "key_name", "carol")
    press(browser, "preset_submitter")
    ticked = (By.CSS_SELECTOR, ".st-key-scope_submit input[aria-checked=true], .st-key-scope_submit input:checked")
    comes(browser, lambda b: b.find_elements(*ticked), "the scope is ticked")
    press(browser, "key_make")
    key = secret(browser, "key")
    assert opens(grid, key)
    press(browser, "secret_kept_key")
    comes(browser, lambda b: key not in b.page_source, "the key is put away")

    choose_first_row(browser, "keys_table", ".st-key-key_revoke button")
    until(browser, "carol", "Make runs; see, cancel and restart its own.")
    press(browser, "key_revoke")
    press(browser, "key_revoke_yes")
    comes(browser, lambda b: not opens(grid, key), "the key opens nothing any more")
    assert browser.execute_script("return window.marker") == "same page"


def test_a_webhook_is_made_tried_and_its_delivery_sent_again(visit):
    browser = visit("webhooks")
    with endpoint() as there:
        press(browser, "webhook_new")
        fill(browser, "webhook_url", "ftp://127.0.0.1/")
        press(browser, "webhook_save")
        until(browser, "A URL is http:// or https://")
        fill(browser, "webhook_url", there.url)
        press(browser, "webhook_save")
        assert secret(browser, "webhook").startswith("whsec_")
        press(browser, "secret_kept_webhook")

        press(browser, "webhook_test")
        comes(browser, lambda b: there.heard, "the endpoint hears the test")
        choose_first_row(browser, "deliveries_table", ".st-key-delivery_resend button")
        until(browser, "HTTP 204", '"test": true')
        first = there.heard[0].id
        press(browser, "delivery_resend")
        comes(browser, lambda b: [one.id for one in there.heard].count(first) == 2, "it is heard again")
    assert "webhook=1" in browser.current_url
