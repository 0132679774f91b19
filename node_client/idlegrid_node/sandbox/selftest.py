"""Choose how code is run here by doing it: the best way in which hostile programs got nowhere.

Nothing is believed that was not seen to hold: what cannot be tested is not used (fail closed).
"""

import ctypes
import functools
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import structlog

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox import cgroup, interpreters, meter
from idlegrid_node.sandbox.backend import LEVELS, Backend, Kind
from idlegrid_node.sandbox.bwrap import ENVIRONMENT, Interpreter
from idlegrid_node.sandbox.child import CHECKPOINT_VARIABLE
from idlegrid_node.sandbox.confine import CREATE_RULESET
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.decoys import Decoys
from idlegrid_node.sandbox.ending import Ending
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import Job, Limits
from idlegrid_node.sandbox.launch import readable
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.remedies import (
    REMEDY_INSTALL,
    REMEDY_ROOT,
    REMEDY_SERVICE,
    remedy_for,
)
from idlegrid_node.sandbox.sandbox import FORK_HEADROOM, OWN_TASKS, Sandbox
from idlegrid_node.sandbox.users import SlotUsers

log = structlog.get_logger()
PROBE = resources.files(__package__).joinpath("probe.py").read_text("utf-8")
KINDS = (Kind.BUBBLEWRAP, Kind.LANDLOCK, Kind.PROCESS)
"""Best first."""
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
BOMB = "blocks = []\nwhile True: blocks.append(bytearray(2**22))"
SPINNERS = "import os\nfor _ in range(3): os.fork()\nprint('up', flush=True)\nwhile True: pass"
LIMITS = Limits(memory_mb=64, timeout=60.0, processes=24)
"""A guest comes last on its machine: on a busy one the test takes its time."""
STAND_SECONDS = 0.05
"""How long stopped processes are watched; five times the kernel's clock tick."""
STAND_LOOKS = 20


@dataclass(frozen=True)
class Means:
    """What a node has to run code with, and what its owner allows.

    `users` lends uids and `staged` says that our files are shown to them (a node started as root).
    """

    staged: bool = False
    users: SlotUsers | None = None
    packages: str = ""
    preload: tuple[str, ...] = ()
    max_level: int = 4
    trust_submitters: bool = False


@dataclass(frozen=True)
class Standing:
    """What the heartbeat says of the sandbox; `backend` is None when there is none.

    `reason` says why the level is not higher, `remedy` is the command that raises it.
    """

    backend: Backend | None
    version: str = ""
    reason: str = ""
    remedy: str = ""
    passed: int = 0
    checks: int = 0
    tested_at: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, object]:
        """Return the heartbeat's `sandbox`."""
        backend = self.backend
        return {
            "level": backend.level if backend else 0,
            "backend": backend.kind.value if backend else "none",
            "version": self.version,
            "kernel": platform.release(),
            "metering": backend.metering if backend else "",
            "reason": self.reason,
            "remedy": self.remedy,
            "tested_at": self.tested_at,
            "passed": self.passed,
            "checks": self.checks,
        }


def no_lower(standing: Standing, level: int) -> Standing:
    """Return the standing, or none at all if it is below a `level` that held before.

    What breaks while a node runs is no choice of its owner's: a lower level is taken only at the next start.
    """
    now = standing.backend.level if standing.backend else 0
    if now >= level or standing.backend is None:
        return standing
    reason = f"it had level {level} and would have {now} now, which only a new start may choose: {standing.reason}"
    return replace(standing, backend=None, version="", reason=reason)


def choose(means: Means) -> Standing:
    """Return the best way that holds; never raises for a machine that has none."""
    if not _is_linux():
        return Standing(None, reason=f"level 0 on this system: nothing is tested on {platform.system()}")
    complaints: list[SandboxUnavailable] = []
    for kind in KINDS:
        if LEVELS[kind] > means.max_level or (kind is Kind.PROCESS and not means.trust_submitters):
            continue
        try:
            return _standing(kind, means, complaints)
        except SandboxUnavailable as error:
            complaints.append(error)
    worst = complaints[0] if complaints else _capped(means)
    return Standing(None, reason=worst.reason, remedy=worst.remedy)


def _standing(kind: Kind, means: Means, complaints: list[SandboxUnavailable]) -> Standing:
    backend, results = _first_that_holds(kind, means)
    backend = _furnished(backend, means)
    higher = complaints[0] if complaints else _why_not_higher(backend, means)
    passed = sum(verdict == "held" for verdict in results.values())
    return Standing(backend, _version(backend), higher.reason, higher.remedy, passed, len(results))


def _first_that_holds(kind: Kind, means: Means) -> tuple[Backend, dict[str, str]]:
    """Return a backend of a kind, and its results. Raises `SandboxUnavailable` with the first one's complaint."""
    complaint = ""
    for backend in _candidates(kind, means):
        try:
            return _tested(backend)
        except SandboxUnavailable as error:
            complaint = complaint or error.reason
    if kind is Kind.BUBBLEWRAP and not complaint:
        raise SandboxUnavailable("bubblewrap is not installed", REMEDY_INSTALL)
    raise SandboxUnavailable(complaint[-300:], remedy_for(complaint))


def _furnished(backend: Backend, means: Means) -> Backend:
    """Return the backend with the packages and what is to be imported beforehand, as far as that works."""
    for packages, preload in ((means.packages, means.preload), (means.packages, ())):
        furnished = replace(backend, packages=packages, preload=preload)
        if furnished == backend or _starts(furnished):
            return furnished
    return backend


def _starts(backend: Backend) -> bool:
    try:
        sandbox = Sandbox(backend, LIMITS.disk_mb)
        try:
            sandbox.wait_ready(LIMITS.timeout)
        finally:
            sandbox.close()
    except (OSError, SandboxUnavailable) as error:
        log.warning("not_furnished", action="selftest", preload=backend.preload, reason=str(error))
        return False
    return True


def _candidates(kind: Kind, means: Means) -> Iterator[Backend]:
    groups = _groups() if means.max_level >= LEVELS[Kind.BUBBLEWRAP] + 1 else None
    for python in _pythons(kind, means):
        if kind is Kind.BUBBLEWRAP:
            for bwrap in interpreters.bwraps(staged=means.staged):
                yield Backend(kind, python, bwrap, users=means.users, groups=groups)
        else:
            yield Backend(kind, python, users=means.users)


def _pythons(kind: Kind, means: Means) -> Iterator[Interpreter]:
    choose_from = interpreters.pythons if kind is Kind.BUBBLEWRAP else interpreters.plain_pythons
    return choose_from(staged=means.staged)


@functools.cache
def _groups() -> cgroup.Hierarchy | None:
    """Where control groups can be made; found once, because it may move this process."""
    found = cgroup.find()
    if found is not None:
        found.sweep()
    return found


def _tested(backend: Backend) -> tuple[Backend, dict[str, str]]:
    """Return the backend with its interpreter's version, and what held. Raises `SandboxUnavailable`."""
    version, results = probe(backend)
    good = replace(backend, python=replace(backend.python, version=version))
    results |= {"memory": _memory_holds(good), "stop": _stop_holds(good)}
    broken = [f"{name} ({verdict})" for name, verdict in results.items() if verdict != "held"]
    if broken:
        raise SandboxUnavailable(f"hostile programs got through: {', '.join(broken)}")
    return good, results


def probe(backend: Backend) -> tuple[str, dict[str, str]]:
    """Run the hostile program; returns the interpreter's version and each check's verdict.

    Raises `SandboxUnavailable` when it did not run to its end.
    """
    if backend.kind is Kind.PROCESS:  # it shuts nothing out: there is nothing to try
        return _version_alone(attempt(backend, Job(VERSION, limits=LIMITS)))
    with Decoys() as decoys:
        ending = attempt(backend, Job(PROBE, {**decoys.parameters, **_expectations(backend)}, LIMITS))
        reached = decoys.reached()
    lines = dict(line.partition(" ")[::2] for line in ending.out.text().splitlines())
    version = lines.pop("version", "")
    if ending.status != 0 or not lines:
        raise SandboxUnavailable(_complaint(ending))
    return version, {**lines, "no_contact": "held" if not reached else f"reached {', '.join(reached)}"}


def _version_alone(ending: Ending) -> tuple[str, dict[str, str]]:
    if ending.status != 0:
        raise SandboxUnavailable(_complaint(ending))
    return ending.out.text().strip(), {}


def _expectations(backend: Backend) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "level": backend.level,
        "processes": LIMITS.processes,
        "most": LIMITS.processes + OWN_TASKS + FORK_HEADROOM,
        "disk": LIMITS.disk_mb * 2**20,
        "allowed": [*ENVIRONMENT, "IDLEGRID_PARAMETERS", CHECKPOINT_VARIABLE, "LD_LIBRARY_PATH", "PWD", "LC_CTYPE"],
    }


def attempt(backend: Backend, job: Job) -> Ending:
    """Run a job once."""
    # The kernel's limits are on trial: the watcher must not be quicker.
    watcher = Watcher(replace(job.limits, processes=1000), Host(HostFloor(0.0), Placement()))
    with tempfile.TemporaryDirectory() as folder:
        files = FilesOut(Path(folder) / "files")
        execution = Execution(lambda: Sandbox(backend, job.limits.disk_mb), job, watcher, files)
        try:
            return execution.run()
        finally:
            execution.close()


def _memory_holds(backend: Backend) -> str:
    ending = attempt(backend, Job(BOMB, limits=LIMITS))
    return "held" if ending.cause == "memory_limit" else f"ended by {ending.cause or ending.status}"


def _stop_holds(backend: Backend) -> str:
    """Stop eight busy processes, see that their clocks stand, and kill them."""
    sandbox = Sandbox(backend, LIMITS.disk_mb)
    try:
        sandbox.wait_ready(LIMITS.timeout)
        sandbox.start(Job(SPINNERS, limits=LIMITS))
        sandbox.wait_for(b"begun", LIMITS.timeout)
        readable(sandbox.fds.out, LIMITS.timeout)
        sandbox.stop()
        sandbox.wait_for(b"stopped", LIMITS.timeout)
        return "held" if _stand_still(sandbox) else "processes ran on while stopped"
    finally:
        sandbox.close()


def _stand_still(sandbox: Sandbox) -> bool:
    """Tell whether all clocks come to stand: the signal reaches a busy processor's last process some ms later."""
    for _ in range(STAND_LOOKS):
        before = meter.measure(sandbox.pid).cpu_seconds
        time.sleep(STAND_SECONDS)
        if meter.measure(sandbox.pid).cpu_seconds == before:
            return True
    return False


def _complaint(ending: Ending) -> str:
    own = ending.complaint or ending.err.text().strip()
    return own or f"the hostile program ended by {ending.cause or ending.status}"


def _why_not_higher(backend: Backend, means: Means) -> SandboxUnavailable:
    if backend.level >= 4:
        return SandboxUnavailable("")
    if backend.level >= means.max_level:
        return _capped(means)
    if means.users is None:
        return SandboxUnavailable("the node was not started as root: it has no users to lend", REMEDY_ROOT)
    return SandboxUnavailable("no control groups for memory and processes can be made here", REMEDY_SERVICE)


def _capped(means: Means) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"IDLEGRID_NODE_MAX_LEVEL is {means.max_level}", "unset IDLEGRID_NODE_MAX_LEVEL and start the node again"
    )


def _version(backend: Backend) -> str:
    if backend.kind is Kind.LANDLOCK:
        return f"ABI {_landlock_abi()}"
    if backend.kind is Kind.PROCESS:
        return ""
    answer = subprocess.run(
        [backend.bwrap, "--version"], capture_output=True, text=True, check=False, timeout=5, env={}
    )
    return answer.stdout.strip().rpartition(" ")[2]


def _landlock_abi() -> int:
    """Ask the kernel for its Landlock version (landlock_create_ruleset(2), flag VERSION)."""
    return int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1))


def _is_linux() -> bool:
    return platform.system() == "Linux"
