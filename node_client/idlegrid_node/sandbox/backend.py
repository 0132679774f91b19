"""How code is started on this machine: which way, by which interpreter, with what help of the kernel."""

import functools
import itertools
from dataclasses import dataclass, replace
from enum import StrEnum

from idlegrid_node.sandbox import seccomp
from idlegrid_node.sandbox.bwrap import Interpreter
from idlegrid_node.sandbox.cgroup import Hierarchy
from idlegrid_node.sandbox.group import Group
from idlegrid_node.sandbox.program import boot
from idlegrid_node.sandbox.users import SlotUsers

SUPERVISOR = ("child", "collect", "keeper", "inside")
"""The modules that run inside, in the order in which they need each other."""
_COUNTER = itertools.count(1)
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/alternatives", "/etc/ssl/certs")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/random")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")


class Kind(StrEnum):
    """The ways to run code, by what shuts it in."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    PROCESS = "process"


LEVELS = {Kind.BUBBLEWRAP: 3, Kind.LANDLOCK: 2, Kind.PROCESS: 1}


@dataclass(frozen=True)
class Backend:
    """One way to run code.

    `bwrap` is bubblewrap's path where it is used. `packages` is a folder of modules to show to the code,
    `preload` what is imported before there is a job. `users` lends each sandbox a uid (a node started as
    root), `groups` makes control groups; None where there is neither.
    """

    kind: Kind
    python: Interpreter
    bwrap: str = ""
    packages: str = ""
    preload: tuple[str, ...] = ()
    users: SlotUsers | None = None
    groups: Hierarchy | None = None

    @property
    def level(self) -> int:
        """4: isolated and metered by the kernel; 3: isolated; 2: files and network shut; 1: limits only."""
        metered = self.kind is Kind.BUBBLEWRAP and self.users is not None and self.groups is not None
        return 4 if metered else LEVELS[self.kind]

    @property
    def metering(self) -> str:
        """Who counts memory: the kernel, or we by looking often."""
        return self.groups.version if self.groups is not None else "watcher"

    @functools.cached_property
    def bare(self) -> "Backend":
        """The same user, limits and interpreter without walls: for a program of the node's own that needs the network.

        One object for each backend, as the compiled program is.
        """
        return replace(self, kind=Kind.PROCESS, python=self.python.outside, bwrap="", packages="", preload=())

    def group(self) -> Group | None:
        """Make a control group for one sandbox, where there are any. Raises OSError."""
        return self.groups.group(f"{next(_COUNTER)}") if self.groups is not None else None

    @functools.cached_property
    def program(self) -> tuple[str, int]:
        """What runs inside, as text for `python -c`, and a descriptor that it needs."""
        if self.kind is Kind.BUBBLEWRAP:
            return boot(SUPERVISOR, "m.main(m.Place(), library)", self.python.version)
        entry = f"sys.modules[m.Place.__module__].main(m.{_place(self)}, library)"
        return boot((*SUPERVISOR, "confine"), entry, self.python.version)


def _place(backend: Backend) -> str:
    if backend.kind is Kind.PROCESS:
        return "Watched()"
    readable = [*_SYSTEM_FOLDERS, *_SYSTEM_FILES, backend.python.home, backend.packages]
    hexed = seccomp.program(seccomp.Profile.CONFINED).hex()
    return f"Confined(bytes.fromhex({hexed!r}), {list(filter(None, readable))!r}, {list(_DEVICES)!r})"
