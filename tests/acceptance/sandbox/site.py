"""A node on a machine full of canaries, at one level, of one user; and what a program did to both."""

import glob
import os
import random
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from ..grids import eventually
from ..standin import NodeProcess, StandIn, standing_in
from . import witness
from .plain_user import NO_NAMESPACES
from .table import TABLE
from .verdicts import Program, complaints, packed
from .witness import Witness

ROOT = Path(__file__).resolve().parents[3]
LAUNCHER = Path(__file__).with_name("plain_user.py")
SLOTS = 4
GONE_SECONDS = 5.0
"""A promise of the node's: how long anything of a program may outlive its report."""
PLAIN_UIDS = range(2100, 2900)
SLOT_UIDS = 256
FIRST_SLOT_UID = 1_000_000_000
"""Far from people and from other tests' nodes; each site takes a block of its own from here on."""

SCRATCH_FOLDERS = f"{tempfile.gettempdir()}/{witness.SCRATCH}*"
"""Where code runs at level 2."""

Json = dict[str, Any]


class Site:
    """One node, and the machine around it as its owner knows it."""

    def __init__(self, user: str, level: int, grid: StandIn, node: NodeProcess, watch: Witness, folder: Path) -> None:
        self.user, self.level = user, level
        self.grid, self.node, self.witness, self.folder = grid, node, watch, folder
        self.packages = ""
        self._submitted: dict[str, tuple[Json, str]] = {}

    @property
    def alone(self) -> bool:
        """Whether each sandbox has a uid that nobody else has."""
        return self.user == "root"

    def held(self, program: Program) -> list[str]:
        """Run a program; returns everything that is not as it must be, inside and outside."""
        report, mark = self.run(program)
        return complaints(program, self.level, report) + self.traces(mark)

    def run(self, program: Program) -> tuple[Json, str]:
        """Return a program's report and its mark."""
        if program.patient:
            for other in TABLE:
                if other.patient and other.id not in self._submitted:
                    self._submitted[other.id] = self.submit(other)
        attempt, mark = self._submitted.get(program.id) or self.submit(program)
        return self.grid.report_of(attempt), mark

    def submit(self, program: Program) -> tuple[Json, str]:
        """Hand a program to the node; returns the attempt, and the mark that all its processes carry."""
        return self.submit_code(packed(program.source), program.timeout, program.memory)

    def submit_code(self, code: str, timeout: float = 20.0, memory: int = 128) -> tuple[Json, str]:
        """The same for any code; the mark is in its parameters."""
        mark = f"hx{secrets.token_hex(5)}"
        own = {
            "mark": mark,
            "node_pid": self.node.pid,
            "data": str(self.folder / "data"),
            "coordinator": self.grid.port,
        }
        parameters = {**self.witness.parameters(), **own}
        return self.grid.submit(code, timeout, memory, parameters=parameters), mark

    def result(self, code: str, **limits: Any) -> Json:
        """Run some code; returns the report."""
        return self.grid.report_of(self.submit_code(code, **limits)[0])

    def traces(self, mark: str) -> list[str]:
        """What a program left behind, once it had time to vanish: processes, files, changes, visits."""
        left = _in_vain(lambda: not witness.marked(mark) and not self.strays())
        processes = [*witness.marked(mark), *(f"process {pid} is nobody's" for pid in self.strays())] if left else []
        _in_vain(lambda: not self.witness.changes())
        return processes + self.witness.changes() + self._ailments()

    def strays(self) -> list[int]:
        """Processes of the guests' users that are not below the node."""
        if not self.node.running:
            return sorted(witness.of_users(self.witness.guests))
        below = {process.pid for process in self.node.guests} | {self.node.pid}
        return sorted(witness.of_users(self.witness.guests) - below)

    def _ailments(self) -> list[str]:
        """What is not well with the node itself."""
        if not self.node.running:
            return ["the node is dead"]
        nice = psutil.Process(self.node.pid).nice()
        fit = self.result("print('fit')")
        wrong = [] if nice == os.getpriority(os.PRIO_PROCESS, 0) else [f"the node's nice value is {nice}"]
        return wrong + ([] if fit["result"] == "fit" else [f"the next run: {fit}"])


def _in_vain(predicate: Any) -> bool:
    """Wait for it; True if it did not come within GONE_SECONDS."""
    try:
        eventually(predicate, "a trace to vanish", GONE_SECONDS)
    except AssertionError:
        return True
    return False


def scratch_folders(uids: range) -> list[str]:
    """Folders for code at level 2 that belong to these users."""
    return [path for path in glob.glob(SCRATCH_FOLDERS) if witness.owner(path) in uids]


def free_uid() -> int:
    """A uid without a name and without a process, for an ordinary user."""
    named = {int(line.split(":")[2]) for line in Path("/etc/passwd").read_text().splitlines()}
    candidates = random.sample(PLAIN_UIDS, len(PLAIN_UIDS))
    return next(uid for uid in candidates if uid not in named and not witness.of_users(range(uid, uid + 1)))


@contextmanager
def site(
    user: str, level: int, *arguments: str, without_namespaces: bool = False, most: int | None = None
) -> Iterator[Site]:
    """A site with its node, as `root` or as an `ordinary` user (whoever runs the tests, unless that is root).

    `level` is what it must announce; it is held down to that unless it may announce `most`.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        uid = free_uid() if user == "ordinary" and os.geteuid() == 0 else os.geteuid()
        first = FIRST_SLOT_UID + secrets.randbelow(4_000_000) * SLOT_UIDS
        guests = {"root": range(first, first + SLOT_UIDS), "ordinary": range(uid, uid + 1)}[user]
        guests = guests if os.geteuid() == 0 else range(0)
        watch = Witness(folder, guests)
        stack.callback(watch.close)
        if uid != os.geteuid():
            watch.home.give_to(uid)
            os.chown(folder, uid, uid)
        grid = stack.enter_context(standing_in())
        words_before = launcher(uid, without_namespaces=without_namespaces)
        settings = _settings(watch, most or level, first)
        words = ("--profile", "always", "--slots", str(SLOTS), *arguments)
        node = NodeProcess(grid.url, folder, *words, launcher=words_before, settings=settings)
        stack.callback(_end, node, guests)
        announced = _announced(grid, node)
        assert announced["level"] == level, f"the node announces {announced}"
        place = Site(user, level, grid, node, watch, folder)
        assert place.result("print('fit')")["result"] == "fit"
        watch.look()
        yield place


def _end(node: NodeProcess, guests: range) -> None:
    """End the node; it is an error if any process of its guests outlives it, and that is ended, too."""
    if node.running:
        node.terminate()
    if _in_vain(lambda: not witness.of_users(guests)):
        left = witness.of_users(guests)
        told = [witness.line_of(pid)[:60] for pid in left]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"{GONE_SECONDS:g} s after the node's end there are still {told}")


def _announced(grid: StandIn, node: NodeProcess) -> Json:
    """The `sandbox` of the node's heartbeat, once it is idle; fails with the node's own words."""
    try:
        return dict(grid.wait_for_status("idle")["sandbox"])
    except AssertionError as error:
        raise AssertionError(f"{error}\n{node.log.read_text()[-3000:]}") from error


def launcher(uid: int, *, without_namespaces: bool) -> list[str]:
    shown = [sys.prefix, sys.base_prefix, str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    options = [NO_NAMESPACES] if without_namespaces else []
    return [sys.executable, str(LAUNCHER), str(uid), *options, *shown, "--"]


def _settings(watch: Witness, most: int, first: int) -> dict[str, str]:
    return {
        "HOME": str(watch.home.path),
        "IDLEGRID_API_KEY": watch.token,
        "IDLEGRID_NODE_MAX_LEVEL": str(most),
        "IDLEGRID_NODE_SLOT_UID": str(first),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
