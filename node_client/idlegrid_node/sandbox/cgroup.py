"""Control groups: memory, processes and CPU held by the kernel, where the node may make groups.

Two layouts are known: cgroup v2 with a subtree that was handed to the node (systemd's `Delegate=yes`), and
cgroup v1 as root. Which one holds is found out by making a group, never by mode bits: a folder that says
`r-x` takes groups from root, one that says `rwx` may refuse them. Everything happens below the node's own
group, so that a node never leaves the limits it was started under.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from idlegrid_node.sandbox.group import V2, Folders, Group, GroupV1, GroupV2, attempt, read, write

LEAF = "node"
"""Where the node itself goes on v2: a group with controllers for its children may hold no process."""
NEEDED_V1 = ("memory", "pids", "cpu", "cpuacct")
NEEDED_V2 = {"memory", "pids"}
NAME = re.compile(r"idlegrid-(\d+)-(\d+)-.+")


@dataclass(frozen=True)
class Hierarchy:
    """Where groups can be made. `bases` are the folders, by controller; `proc` is where /proc is."""

    version: str
    kind: type[Group]
    bases: Folders
    proc: Path = Path("/proc")

    @property
    def shares_cpu(self) -> bool:
        """Whether `Group.limit` holds the CPU: some systems hand users memory and pids only."""
        return "cpu" in self.bases

    def group(self, name: str) -> Group:
        """Make a group without limits. `name` must be new in this process. Raises `OSError`."""
        pid = os.getpid()
        full = f"idlegrid-{pid}-{_started(self.proc, pid)}-{name}"
        with contextlib.ExitStack() as undo:
            for place in dict.fromkeys(self.bases.values()):
                (place / full).mkdir()
                undo.callback(_try_rmdir, place / full)
            undo.pop_all()
        return self._named(full)

    def sweep(self) -> int:
        """Kill and remove what nodes that are gone left behind; returns how many groups went."""
        listed = {entry.name for base in self.bases.values() for entry in base.iterdir()}
        stale = [name for name in sorted(listed) if self._is_stale(name)]
        groups = [self._named(name) for name in stale]
        return sum(group.kill() and group.remove() for group in groups)

    def _named(self, name: str) -> Group:
        return self.kind({controller: base / name for controller, base in self.bases.items()})

    def _is_stale(self, name: str) -> bool:
        """Tell whether the process that made it is gone: a pid comes back, a pid with its start time does not."""
        match = NAME.fullmatch(name)
        return match is not None and _started(self.proc, int(match[1])) != int(match[2])

    def probe(self) -> bool:
        """Make a group, limit it, remove it; False, with nothing left behind, if any of it cannot be had."""
        try:
            group = self.group("probe")
        except OSError:
            return False
        try:
            group.limit(64, 16, 1.0)
        except OSError:
            group.remove()
            return False
        return group.remove()


def find(proc_root: Path = Path("/proc"), sys_root: Path = Path("/sys/fs/cgroup")) -> Hierarchy | None:
    """Return the hierarchy in which this process can make groups, or None with nothing left behind.

    On v2 the calling process is in the group `node` of its subtree afterwards. May be called again.
    """
    try:
        own = _own_folders(proc_root, sys_root)
        return _unified(own, proc_root) or _legacy(own, proc_root)
    except OSError:
        return None


def _own_folders(proc_root: Path, sys_root: Path) -> dict[str, Path]:
    """Return the folder of our own group for each controller that is mounted below `sys_root`."""
    paths = dict(_own_paths(proc_root))
    own: dict[str, Path] = {}
    for controllers, root, mount in _mounts(proc_root):
        for controller in controllers & paths.keys() if mount.is_relative_to(sys_root) else ():
            path = paths[controller]
            if path.is_relative_to(root) and ".." not in path.parts:  # `..`: outside of our cgroup namespace
                own[controller] = mount / path.relative_to(root)
    return own


def _own_paths(proc_root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path of our own group for each controller: cgroups(7)."""
    for line in read(proc_root / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        yield from ((controller, Path(path)) for controller in controllers.split(","))


def _mounts(proc_root: Path) -> Iterator[tuple[set[str], str, Path]]:
    """Yield the controllers, the group shown at the top and the folder of each cgroup mount: proc(5), mountinfo."""
    for line in read(proc_root / "self/mountinfo").splitlines():
        mounted, _, source = line.partition(" - ")
        root, point = mounted.split()[3:5]
        kind, options = source.split()[0], source.split()[-1]
        if kind in {"cgroup", "cgroup2"}:
            yield {V2} if kind == "cgroup2" else set(options.split(",")), root, Path(point)


def _unified(own: Folders, proc_root: Path) -> Hierarchy | None:
    """Return the v2 subtree we were given: ours, or the one above when we are in its leaf already."""
    if V2 not in own:
        return None
    folder = own[V2]
    base = folder.parent if folder.name == LEAF else folder
    offered = set(read(base / "cgroup.controllers").split()) & {*NEEDED_V2, "cpu"}
    if not offered >= NEEDED_V2:
        return None
    hierarchy = Hierarchy("cgroup v2", GroupV2, dict.fromkeys([V2, *sorted(offered)], base), proc_root)
    with contextlib.ExitStack() as undo:
        try:
            _enable(base, offered, undo, move=base == folder)
        except OSError:  # others live in the group, or it is not ours
            return None
        if not hierarchy.probe():
            return None
        undo.pop_all()
    return hierarchy


def _enable(base: Path, wanted: set[str], undo: contextlib.ExitStack, *, move: bool) -> None:
    """Give the controllers to the groups below `base`, which we leave if we must. `undo` takes it back."""
    if move:
        if not (base / LEAF).is_dir():
            (base / LEAF).mkdir()
            undo.callback(_try_rmdir, base / LEAF)
        write(base / LEAF / "cgroup.procs", os.getpid())
        undo.callback(attempt, base / "cgroup.procs", os.getpid())
    control = base / "cgroup.subtree_control"
    missing = sorted(wanted - set(read(control).split()))
    if missing:
        write(control, " ".join(f"+{controller}" for controller in missing))
        undo.callback(attempt, control, " ".join(f"-{controller}" for controller in missing))


def _legacy(own: Folders, proc_root: Path) -> Hierarchy | None:
    """Return the v1 controllers, if possible with a v2 group beside them: it freezes, and kills at once."""
    if not own.keys() >= set(NEEDED_V1):
        return None
    candidates = [names for names in ([*NEEDED_V1, V2], NEEDED_V1) if own.keys() >= set(names)]
    hierarchies = (Hierarchy("cgroup v1", GroupV1, {n: own[n] for n in names}, proc_root) for names in candidates)
    return next((hierarchy for hierarchy in hierarchies if hierarchy.probe()), None)


def _started(proc: Path, pid: int) -> int | None:
    """Return when a process started, in ticks since boot; None for one that is gone or a zombie."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = read(proc / str(pid) / "stat").rpartition(")")[2].split()
        return None if words[0] in "ZX" else int(words[19])
    return None


def _try_rmdir(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
