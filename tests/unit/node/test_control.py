import socket
from contextlib import closing

import pytest

from idlegrid_node import control
from idlegrid_node.control import NAME, Control, ask
from idlegrid_node.errors import NodeError, SettingsError


def answer(question):
    match question["verb"]:
        case "fail":
            raise SettingsError("not like this")
        case "break":
            raise RuntimeError("oh")
    return {"asked": question}


@pytest.fixture(params=["near", "far" * 60])
def folder(request, tmp_path):
    """A data folder with a short path, and one with a path that no socket's address can hold."""
    made = tmp_path / request.param
    made.mkdir()
    return made


@pytest.fixture
def served(folder):
    with closing(Control(folder, answer)) as line:
        line.start()
        yield folder


def test_a_question_is_answered(served):
    assert ask(served, "status", more=[1]) == {"asked": {"verb": "status", "more": [1]}}


def test_only_the_nodes_own_user_may_ask(served):
    assert (served / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("verb", "said"), [("fail", "not like this"), ("break", "could not answer: .*oh")])
def test_an_answer_that_is_no_is_an_error_and_the_next_one_is_answered(served, verb, said):
    with pytest.raises(NodeError, match=said):
        ask(served, verb)
    assert ask(served, "status")


def test_no_node_is_no_answer(folder):
    assert ask(folder, "status") is None
    assert ask(folder / "nowhere", "status") is None


def test_the_socket_of_a_killed_node_is_no_answer_and_stands_in_nobodys_way(folder):
    with control._reachable(folder) as path, socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    assert (folder / NAME).exists()
    assert ask(folder, "status") is None
    with closing(Control(folder, answer)) as line:
        line.start()
        assert ask(folder, "status")
    assert not (folder / NAME).exists()
    assert ask(folder, "status") is None


@pytest.mark.parametrize("said", [b"nonsense\n", b"[1]\n", b"\n", b"\xff\n", b'{"verb": 1'])
def test_nonsense_is_survived(served, said):
    with control._reachable(served) as path, socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        assert b"error" in line.recv(1000) or said.startswith(b'{"verb')
    assert ask(served, "status")


def test_a_folder_that_takes_no_socket_costs_only_the_control(tmp_path):
    with closing(Control(tmp_path / "gone", answer)) as line:
        line.start()
    assert ask(tmp_path / "gone", "status") is None
