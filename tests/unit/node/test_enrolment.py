"""A node's key: got for a token, kept for its user alone, and another when it is no good, over real HTTP."""

import pytest

from idlegrid.session import Session
from idlegrid_node.enrolment import YOUNG_SECONDS, Enrolment
from idlegrid_node.errors import KeyRefused

from ..client.conftest import Grid


class Coordinator(Grid):
    """Knows the keys in `good`; a token in `tokens` buys a node's next one so many times."""

    def __init__(self):
        super().__init__()
        self.good, self.tokens, self.made = set(), {}, 0
        self.on("POST /internal/join", self.join)
        self.on("GET /ask", self.asked_by)

    def join(self, asked):
        token = asked.headers["authorization"].removeprefix("Bearer ")
        if token not in self.tokens:
            return 401, {"detail": "This key is not valid"}
        if not self.tokens[token]:
            return 403, {"detail": "This join token has enrolled as many nodes as it may"}
        self.tokens[token] -= 1
        self.made += 1
        key = f"{asked.body['node_id']}-{self.made}"
        self.good.add(key)
        return 200, {"key": key, "node_id": asked.body["node_id"], "server_id": "5eed0001"}

    def asked_by(self, asked):
        key = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return (200, {"key": key}) if key in self.good else (401, {"detail": "This key is not valid"})


@pytest.fixture
def coordinator():
    coordinator = Coordinator()
    coordinator.tokens["token"] = 1
    yield coordinator
    coordinator.close()


@pytest.fixture
def node(coordinator, tmp_path):
    """`node(token, node_id=…, api_key=…)` starts one: a function that asks something, and returns the key it used."""
    sessions = []

    def start(token="token", node_id="n1", api_key=None, clock=lambda: 0.0):
        session = Session(coordinator.url)
        sessions.append(session)
        enrolment = Enrolment(session, node_id, tmp_path, token, api_key, clock)
        return lambda: enrolment.keyed(lambda: session.get("/ask"))["key"]

    yield start
    for session in sessions:
        session.close()


def test_a_token_is_exchanged_once_and_the_key_sent_from_then_on(coordinator, node):
    ask = node()
    assert [ask(), ask()] == ["n1-1", "n1-1"]
    assert coordinator.made == 1


def test_a_node_that_starts_again_has_its_key_and_spends_nothing(coordinator, node):
    assert node()() == node()() == node(token=None)() == "n1-1"
    assert coordinator.made == 1


def test_the_keys_are_for_this_user_alone_and_the_token_is_not_kept(node, tmp_path):
    node()()
    kept = tmp_path / "keys.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "token" not in kept.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_another_node_in_the_same_folder_gets_a_key_of_its_own(coordinator, node):
    coordinator.tokens["token"] = 2
    assert [node()(), node(node_id="n2")(), node()()] == ["n1-1", "n2-2", "n1-1"]


def test_a_key_that_is_revoked_is_replaced_while_the_token_is_good(coordinator, node):
    coordinator.tokens["token"] = 2
    assert node()() == "n1-1"
    coordinator.good.clear()
    assert node()() == "n1-2"


def test_a_key_that_has_just_been_got_is_not_given_up(coordinator, node):
    now = [0.0]
    coordinator.tokens["token"] = 9
    ask = node(clock=lambda: now[0])
    ask()
    coordinator.good.clear()
    with pytest.raises(Exception, match="not valid"):
        ask()
    assert coordinator.made == 1
    now[0] = YOUNG_SECONDS
    assert ask() == "n1-2"


@pytest.mark.parametrize(("token", "why"), [("token", "as many nodes as it may"), ("other", "not valid")])
def test_a_token_that_is_no_good_is_said_so_and_asked_for_again_later(coordinator, node, token, why):
    coordinator.tokens["token"] = 0
    ask = node(token)
    with pytest.raises(KeyRefused, match=f"does not take the join token: .*{why}"):
        ask()
    coordinator.tokens[token] = 1
    assert ask() == "n1-1"


def test_without_a_token_a_refused_node_says_how_to_get_one(coordinator, node):
    with pytest.raises(KeyRefused, match="not valid; give a join token by --join"):
        node(token=None)()


def test_a_key_that_was_made_by_hand_goes_before_a_token(coordinator, node):
    coordinator.good.add("by-hand")
    assert node(api_key="by-hand")() == "by-hand"
    assert coordinator.made == 0


def test_a_node_that_may_not_do_something_says_what(coordinator, node):
    coordinator.on("GET /ask", (403, {"detail": "This key was made for the node n2"}))
    with pytest.raises(KeyRefused, match="made for the node n2"):
        node()()


@pytest.mark.parametrize("status", [404, 409])
def test_where_no_keys_are_given_the_token_is_sent_as_it_is(coordinator, node, status):
    coordinator.on("POST /internal/join", (status, {"detail": "no keys here"}))
    coordinator.good.add("token")
    ask = node()
    assert [ask(), ask()] == ["token", "token"]
    assert [asked.path for asked in coordinator.asked] == ["/internal/join", "/ask", "/ask"]


def test_an_answer_that_was_lost_is_asked_for_again(coordinator, node):
    coordinator.tokens["token"] = 2
    coordinator.on("POST /internal/join", None, coordinator.join)
    ask = node()
    with pytest.raises(Exception, match="broke"):
        ask()
    assert ask() == "n1-1"


def test_a_file_of_keys_that_is_damaged_keeps_none(node, tmp_path):
    (tmp_path / "keys.json").write_text('{"http://x": 1')
    assert node()() == "n1-1"
