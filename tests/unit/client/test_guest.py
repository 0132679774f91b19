"""What submitted code may call to write to its log."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import idlegrid
from idlegrid import guest


@pytest.fixture
def logged(capsys):
    """`logged(message, …)`: the entry that it writes."""

    def log(*words: object, **data: object) -> object:
        idlegrid.log(*words, **data)  # type: ignore[arg-type]
        out, line = capsys.readouterr()
        assert out == ""
        assert line.endswith("\n")
        assert line.count("\n") == 1
        assert line.isascii()
        return json.loads(line, parse_constant=pytest.fail)

    return log


def test_an_entry_is_one_line_of_json_on_the_standard_error(logged):
    assert logged("同步\n完成", "warn", users=3) == {"message": "同步\n完成", "level": "warn", "data": {"users": 3}}
    assert logged("done") == {"message": "done", "level": "info"}


def test_what_json_cannot_hold_is_written_as_its_text(logged):
    assert logged("x", at=Path("/a"))["data"] == {"at": "/a"}
    assert logged("x", loss=float("nan"), n=1)["data"] == {"loss": "nan", "n": "1"}
    assert logged("x", by_pair={(1, 2): 3})["data"] == {"by_pair": "{(1, 2): 3}"}
    circle: list[object] = []
    circle.append(circle)
    assert logged("x", circle=circle)["data"] == {"circle": "[[...]]"}


def test_another_level_is_refused():
    with pytest.raises(ValueError, match="'fatal' is no level of a log: use debug, info, warn, error"):
        idlegrid.log("x", "fatal")


def test_it_works_where_the_guests_file_is_all_there_is_of_the_library(tmp_path):
    (tmp_path / "idlegrid.py").write_text(Path(guest.__file__).read_text())
    code = "import idlegrid; idlegrid.log('hello', 'debug', n=1)"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stderr) == {"message": "hello", "level": "debug", "data": {"n": 1}}


def desk(tmp_path, code: str, **environment: str) -> str:
    """Run code as a submitter does before it is submitted; returns what it prints."""
    command = [sys.executable, "-c", f"import idlegrid, os, signal\n{code}"]
    given = {name: value for name, value in os.environ.items() if name != guest.CHECKPOINT_VARIABLE} | environment
    return subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=True).stdout.strip()


def test_at_ones_own_desk_there_is_a_folder_and_nobody_to_yield_to(tmp_path):
    code = "print(idlegrid.checkpoint_dir(), idlegrid.should_yield(), idlegrid.checkpoint())"
    assert desk(tmp_path, code) == f"{tmp_path}/checkpoint False False"
    assert (tmp_path / "checkpoint").is_dir()
    kept = str(tmp_path / "elsewhere" / "kept")
    assert desk(tmp_path, code, IDLEGRID_CHECKPOINT_DIR=kept) == f"{kept} False False"


def test_a_signal_is_a_notice_only_where_a_node_gives_it_and_nobody_else_listens(tmp_path):
    handler = "print(idlegrid.should_yield(), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    assert desk(tmp_path, handler) == "False True"
    there = {"IDLEGRID_CHECKPOINT_DIR": str(tmp_path)}
    assert desk(tmp_path, handler, **there) == "False False"
    own = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nidlegrid.should_yield()\n"
    assert desk(tmp_path, own + "print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)", **there) == "True"
    told = "idlegrid.should_yield()\nos.kill(os.getpid(), signal.SIGTERM)\nprint(idlegrid.should_yield())"
    assert desk(tmp_path, told, **there) == "True"


def test_another_thread_may_ask_first(tmp_path):
    code = (
        "import threading\nother = threading.Thread(target=idlegrid.should_yield)\nother.start()\nother.join()\n"
        "idlegrid.should_yield()\nos.kill(os.getpid(), signal.SIGTERM)\nprint(idlegrid.should_yield())"
    )
    assert desk(tmp_path, code, IDLEGRID_CHECKPOINT_DIR=str(tmp_path)) == "True"
