"""Keys as people and nodes use them: `idlegrid keys`, enrolment, a grid that speaks TLS. Real processes throughout."""

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idlegrid import Client, NotAllowed, cli
from idlegrid_server.core.access import JOIN, NODE
from idlegrid_server.keys import PEOPLE, TOKEN_MARGIN, TOKEN_SECONDS, TOKEN_USES, ensure
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.keys import KeyStore, digest
from idlegrid_server.settings import Settings

from ..certificates import self_signed
from .grids import PATIENCE, Program, clean_environment, slot_uids, started_node

OLD = {"submit_key": "ig_submit_" + "o" * 43, "join_token": "ig_join_" + "o" * 43}
"""What `keys.json` held before nodes had keys of their own."""
SECRET = re.compile(r"ig_[a-z]+_[\w-]{43}")


def process(data: Path, *words: str) -> str:
    """What `idlegrid keys` prints."""
    argv = [sys.executable, "-m", "idlegrid", "keys", *words, "--data", str(data)]
    return subprocess.run(
        argv, stdout=subprocess.PIPE, text=True, check=True, env=clean_environment(), timeout=PATIENCE
    ).stdout


def keys(data: Path, *words: str, status: int = 0) -> str:
    """What `idlegrid keys` says, on its standard output or as its complaint, without a process of its own."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        assert cli.main(["keys", *words, "--data", str(data)]) == status, complained.getvalue()
    return (complained if status else said).getvalue()


def last_word(text: str) -> str:
    return text.split()[-1]


def listed(data: Path, key: str):
    """The entry of a key in `keys list`."""
    return next(one for one in json.loads(keys(data, "list", "--json")) if key.startswith(one["prefix"]))


@pytest.fixture(scope="module")
def up(shared, tmp_path_factory):
    """A grid that asks for keys, without nodes, where one of the former version was."""
    data = tmp_path_factory.mktemp("grid")
    (data / "keys.json").write_text(json.dumps(OLD))
    KeyStore(open_engine(Settings(data=data).record_url)).add(OLD["join_token"], "join", [NODE], time.time())
    return shared("--nodes", "0", data=data, hasty=True, IDLEGRID_AUTH="required")


def url_of(up) -> str:
    return up.said(r"Coordinator +(http\S+)")[1]


def test_a_key_from_the_command_line_opens_what_it_is_for_until_it_is_revoked(up, eventually):
    said = process(up.data, "create", "--name", "ann", "--scope", "submit", "--scope", "read:tasks", "--expires", "12h")
    key = last_word(said)
    assert SECRET.fullmatch(key)
    assert len(SECRET.findall(said)) == 1
    with Client(url_of(up), key) as ann:
        assert ann.submit("print(1)").details()["submitter"] == "ann"
        with pytest.raises(NotAllowed, match="read:workers"):
            ann.nodes()
    shown = keys(up.data, "list") + keys(up.data, "list", "--json")
    assert "ann" in shown
    assert not SECRET.search(shown)
    assert listed(up.data, key)["scopes"] == ["submit", "read:tasks"]
    assert "is revoked" in keys(up.data, "revoke", "ann")
    eventually(lambda: up.caller(key).ask("/stats")[0] == 401, "the revoked key is refused", 30)


def test_what_cannot_be_done_with_keys_is_said_in_a_sentence(up, tmp_path):
    (tmp_path / "thesis.tex").touch()
    assert "no grid's folder" in keys(tmp_path, "list", status=1)
    assert "no key 'nobody'" in keys(up.data, "revoke", "nobody", status=1)
    assert "no scope" in keys(up.data, "create", "--name", "x", "--scope", "root", status=2)


def test_an_id_revokes_one_key_and_a_name_all_of_it(tmp_path):
    made = [last_word(keys(tmp_path, "create", "--name", "ann", "--scope", "submit")) for _ in range(3)]
    keys(tmp_path, "revoke", str(listed(tmp_path, made[1])["id"]))
    revoked = [listed(tmp_path, key)["revoked_at"] is not None for key in made]
    assert revoked == [False, True, False]
    assert keys(tmp_path, "revoke", "ann").count("is revoked") == 2
    assert "is revoked" in keys(tmp_path, "revoke", "ann")


def test_keys_are_made_where_there_is_no_record_yet(tmp_path):
    key = last_word(keys(tmp_path / "new", "join", "--uses", "30"))
    assert listed(tmp_path / "new", key)["uses_left"] == 30


def test_a_node_enrols_once_and_its_key_speaks_for_it_alone(up, folder, eventually):
    url, token = url_of(up), last_word(keys(up.data, "join"))
    operator = up.caller(json.loads((up.data / "keys.json").read_text())["admin_key"])
    first = started_node(url, "lab-1", folder, "--join", token)
    second = None
    try:
        first.said("enrolled")
        first.said("joined")
        assert listed(up.data, token)["uses_left"] == 0
        key = json.loads((folder / "nodes" / "lab-1" / "keys.json").read_text())[url]["lab-1"]
        refused = up.caller(key).ask("/internal/heartbeat", {"node_id": "lab-2"})
        assert refused[0] == 403
        assert "made for the node lab-1" in refused[1]["detail"]
        assert up.caller(key).ask("/submit", {"code": "print(1)"})[0] == 403
        first.stop(signal.SIGTERM)
        second = started_node(url, "lab-2", folder, "--join", token)
        first.start()
        assert operator.ended(operator.submit("print(6 * 7)"))["result"] == "42"
        second.said("does not take the join token: .*as many nodes as it may")
        assert second.runs
        assert first.printed().count("enrolled") == 1
        for text in (first.printed(), second.printed(), (up.data / "logs" / "coordinator.log").read_text()):
            assert not SECRET.search(text)
    finally:
        for node in filter(None, (first, second)):
            node.close()


def test_keys_of_a_grid_of_the_former_version_still_open_it(up):
    kept = json.loads((up.data / "keys.json").read_text())
    assert kept["submit_key"] == OLD["submit_key"]
    assert up.said(r'api_key="([^"]+)"')[1] == OLD["submit_key"]
    assert up.caller(OLD["submit_key"]).ask("/stats")[0] == 200
    node = up.caller(OLD["join_token"])
    assert node.ask("/internal/heartbeat", {"node_id": "old-1"})[0] == 200
    status, answer = node.ask("/internal/join", {"node_id": "old-1"})
    assert status == 200
    assert up.caller(answer["key"]).ask("/internal/heartbeat", {"node_id": "old-1"})[0] == 200
    assert up.said(r"--join (\S+)")[1] == kept["join_token"] != OLD["join_token"]


def test_a_grid_speaks_tls_to_everyone(folder, whole):
    cert, key = self_signed(folder, "DNS:localhost", "DNS:grid.lab")
    up = whole("--tls-cert", str(cert), "--tls-key", str(key), "--nodes", "1", IDLEGRID_AUTH="required")
    url = url_of(up).replace("grid.lab", "localhost")
    assert url.startswith("https://localhost:")
    with Client(url, up.said(r'api_key="([^"]+)"')[1], ca_file=str(cert)) as client:
        assert client.submit("print(6 * 7)").result(PATIENCE) == "42"


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_certificate_without_its_key_is_refused_in_a_sentence(command, folder, eventually):
    argv = [sys.executable, "-m", "idlegrid", command, "--data", str(folder / "grid"), "--tls-cert", "cert.pem"]
    program = Program(command, folder, argv, {"IDLEGRID_NODE_SLOT_UID": str(next(slot_uids))})
    program.start()
    eventually(lambda: not program.runs, f"{command} ends")
    assert program._popen is not None
    assert program._popen.returncode == 2
    assert "--tls-cert needs --tls-key" in program.printed()


class TestTheGridsOwnKeys:
    """`keys.json`, as each start of `idlegrid up` leaves it."""

    @pytest.fixture
    def settings(self, tmp_path) -> Settings:
        return Settings(data=tmp_path)

    @pytest.fixture
    def store(self, settings) -> KeyStore:
        return KeyStore(open_engine(settings.record_url))

    @staticmethod
    def found(store: KeyStore, key: str):
        return next(one for one in store.all() if one.digest == digest(key))

    def test_they_are_what_each_is_for(self, settings, store):
        made = ensure(settings, 1000.0)
        assert self.found(store, made["submit_key"]).scopes == set(PEOPLE)
        assert self.found(store, made["admin_key"]).scopes == {"admin"}
        assert self.found(store, made["node_key"]).scopes == {NODE}
        token = self.found(store, made["join_token"])
        assert (token.scopes, token.uses_left, token.expires_at) == ({JOIN}, TOKEN_USES, 1000.0 + TOKEN_SECONDS)
        assert ensure(settings, 2000.0) == made

    def test_a_join_token_that_is_nearly_over_or_used_up_is_replaced(self, settings, store):
        first = ensure(settings, 0.0)
        later = TOKEN_SECONDS - TOKEN_MARGIN
        second = ensure(settings, later)
        assert {name for name in first if first[name] != second[name]} == {"join_token"}
        for number in range(TOKEN_USES):
            store.enrol(self.found(store, second["join_token"]).id, f"n{number}", later)
        assert ensure(settings, later)["join_token"] != second["join_token"]

    def test_a_key_that_was_revoked_is_replaced(self, settings, store):
        first = ensure(settings, 0.0)
        store.revoke(self.found(store, first["submit_key"]).id, 1.0)
        second = ensure(settings, 2.0)
        assert {name for name in first if first[name] != second[name]} == {"submit_key"}

    def test_a_record_that_was_lost_knows_them_again(self, settings, tmp_path):
        first = ensure(settings, 0.0)
        for file in tmp_path.glob("grid.db*"):
            file.unlink()
        second = ensure(settings, 1.0)
        assert {name for name in first if first[name] != second[name]} == {"join_token"}
