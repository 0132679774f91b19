"""What submitted code may call to write to its log."""

import json
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
