"""A run's checkpoint leaves the sandbox while it runs and when it was told to leave; and how it is told."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import VARIANTS, skip_unless_possible
from .site import FIRST_SLOT_UID, SLOT_UIDS, free_uid, launcher

WORKBENCH = Path(__file__).with_name("workbench.py")
ALL = [*VARIANTS, ("root", 4), ("ordinary", 1)]
GRACE = 30.0
BEGIN = "import idlegrid, os, signal, sys, time\nfolder = idlegrid.checkpoint_dir()\n"
UP = "print('up', flush=True)\n"
WAIT = "while True: time.sleep(0.01)\n"
MIB = 2**20

Json = dict[str, Any]


class Workbench:
    """A process of a variant's user that runs one job after the other."""

    def __init__(self, user: str, level: int) -> None:
        uid = free_uid() if user == "ordinary" and os.geteuid() == 0 else os.geteuid()
        first = FIRST_SLOT_UID + secrets.randbelow(4_000_000) * SLOT_UIDS
        words = [*launcher(uid, without_namespaces=False), sys.executable, str(WORKBENCH), str(level), str(first)]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(words, stdin=pipe, stdout=pipe, env=environment, text=True, bufsize=1, cwd="/")
        self.standing = self._answer()

    def run(self, code: str, **asked: Any) -> Json:
        """Run code; what may be asked for is in `workbench.py`."""
        return self.ask(code=code, **asked)

    def ask(self, **asked: Any) -> Json:
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(asked) + "\n")
        return self._answer()

    def close(self) -> None:
        self._popen.communicate()

    def _answer(self) -> Json:
        assert self._popen.stdout is not None
        while line := self._popen.stdout.readline():
            if line.startswith("{"):
                return dict(json.loads(line))
        raise AssertionError(f"the workbench has ended: {self._popen.wait()}")


@pytest.fixture(scope="module", params=ALL, ids=lambda variant: f"{variant[0]}-level{variant[1]}")
def bench(request: pytest.FixtureRequest) -> Iterator[Workbench]:
    user, level = request.param
    skip_unless_possible(user, level)
    bench = Workbench(user, level)
    try:
        if bench.standing["level"] != level:
            pytest.skip(f"no level {level} here: {bench.standing['reason']}")
        yield bench
    finally:
        bench.close()


def test_a_checkpoint_is_taken_while_the_code_runs_and_is_there_for_the_next_attempt(bench):
    code = (
        "(folder / 'sub').mkdir()\n(folder / 'sub' / 'step').write_text('7')\n(folder / 'empty').touch()\n"
        "os.symlink('/etc/passwd', folder / 'link')\nos.mkfifo(folder / 'pipe')\n"
        "print(idlegrid.checkpoint(), flush=True)\nprint(idlegrid.checkpoint(), flush=True)\n"
    )
    told = bench.run(BEGIN + "print(os.listdir(folder), flush=True)\n" + code)
    assert told["events"] == ["printed []", "taken", "printed True", "printed False"]
    assert (told["cause"], told["status"], told["stderr"]) == ("", 0, "")
    assert told["kept"] == {"empty": "", "sub/step": "7"}
    again = bench.run(BEGIN + "print((folder / 'sub' / 'step').read_text(), sorted(os.listdir(folder)))", given=True)
    assert again["events"] == ["printed 7 ['empty', 'sub']"]
    shell = bench.ask(command='cat "$IDLEGRID_CHECKPOINT_DIR/sub/step"; echo', given=True)
    assert shell["events"] == ["printed 7"]


def test_a_freeze_is_confirmed_while_a_large_one_is_sent_and_that_stands_still_too(bench):
    code = "(folder / 'large').write_bytes(bytes(100 * 2**20))\nprint(idlegrid.checkpoint(), flush=True)"
    told = bench.run(BEGIN + code, bytes=MIB, on={"drafting": ["freeze"], "frozen": ["thaw"]})
    assert told["events"] == ["drafting", "frozen", "thawed", "taken", "printed True"]
    assert (told["cause"], told["kept"]) == ("", {"large": 100 * MIB})


def test_frozen_code_that_is_told_to_leave_goes_on_and_what_it_saves_is_kept(bench):
    code = (
        "def save(*_):\n    (folder / 'state').write_text(f'saved {idlegrid.should_yield()}')\n    sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, save)\n"
    )
    told = bench.run(
        BEGIN + code + UP + WAIT, on={"printed up": ["freeze"], "frozen": ["evict", "evicted:input", GRACE]}
    )
    assert told["events"] == ["printed up", "frozen", "thawed", "taken"]
    assert (told["cause"], told["kept"]) == ("evicted:input", {"state": "saved True"})


def test_code_that_asks_whether_to_leave_is_not_ended_by_the_signal(bench):
    code = "while not idlegrid.should_yield(): UP; time.sleep(0.01)\n".replace("UP", UP.strip())
    code += "(folder / 'a').write_text('a')\nprint(idlegrid.checkpoint(), flush=True)\n(folder / 'b').write_text('b')"
    told = bench.run(BEGIN + code, on={"printed up": ["evict", "evicted:input", GRACE]})
    assert told["events"][-3:] == ["taken", "printed True", "taken"]
    assert (told["cause"], told["kept"]) == ("evicted:input", {"a": "a", "b": "b"})


def test_what_does_not_leave_is_killed_when_the_grace_is_over_and_the_last_one_taken_counts(bench):
    code = (
        "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n'))\n(folder / 'step').write_text('1')\n"
        "idlegrid.checkpoint()\n(folder / 'step').write_text('2')\n"
    )
    order = ["evict", "evicted:memory_short", 0.5]
    told = bench.run(
        BEGIN + code + UP + WAIT, on={"printed up": ["evict", "evicted:input", GRACE], "printed no": order}
    )
    assert told["events"] == ["taken", "printed up", "printed no"]
    assert (told["cause"], told["status"], told["kept"]) == ("evicted:input", None, {"step": "1"})


def test_a_shell_hears_it_by_its_trap(bench):
    command = (
        "trap 'echo saved >\"$IDLEGRID_CHECKPOINT_DIR/state\"; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    )
    told = bench.ask(command=command, on={"printed up": ["evict", "evicted:input", GRACE]})
    assert (told["cause"], told["kept"]) == ("evicted:input", {"state": "saved\n"})


def test_a_stop_after_it_was_told_to_leave_kills_at_once(bench):
    code = "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n'))\n"
    on = {"printed up": ["evict", "evicted:input", GRACE], "printed no": ["stop", "cancelled"]}
    assert bench.run(BEGIN + code + UP + WAIT, on=on)["cause"] == "cancelled"


def test_code_that_asks_without_end_is_frozen_and_evicted_as_any(bench):
    code = (
        "pipe = os.open(folder.parent / 'asked', os.O_WRONLY)\nos.fork(), os.fork()\nos.write(1, b'up\\n')\n"
        "while True: os.write(pipe, b'x' * 16 + b'../../etc/passwd')\n"
    )
    on = {"printed up": ["freeze"], "frozen": ["thaw"], "thawed": ["evict", "evicted:input", GRACE]}
    told = bench.run(BEGIN + code, on=on)
    assert [event for event in told["events"] if event in {"frozen", "thawed"}] == ["frozen", "thawed"]
    assert told["cause"] == "evicted:input"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("for n in range(1001): (folder / str(n)).touch()", "1,000 files and 100 MB"),
        ("with open(folder / 'sparse', 'wb') as file: file.truncate(2**27)", "1,000 files and 100 MB"),
        ("(folder / 'a\\nb').touch()", "a name that cannot be kept"),
        ("import shutil; shutil.rmtree(folder); os.symlink('/usr/lib', folder)", "its folder is gone"),
    ],
    ids=["many", "sparse", "name", "link"],
)
def test_what_may_not_be_taken_is_said_and_the_one_before_stands(bench, spoil, why):
    """Neither when it asks, nor when it has left."""
    code = "idlegrid.should_yield()\n(folder / 'good').touch()\nidlegrid.checkpoint()\n" + spoil + "\n" + UP
    told = bench.run(
        BEGIN + code + "while not idlegrid.should_yield(): time.sleep(0.01)\nprint(idlegrid.checkpoint(), flush=True)",
        on={"printed up": ["evict", "evicted:input", GRACE]},
    )
    assert told["events"] == ["taken", "printed up", "printed False"]
    assert told["stderr"].count("idlegrid: the checkpoint was not taken: ") == 2
    assert why in told["stderr"]
    assert (told["cause"], told["kept"]) == ("evicted:input", {"good": ""})
