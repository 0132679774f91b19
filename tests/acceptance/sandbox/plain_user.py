"""`plain_user.py UID [--no-namespaces] PATH… -- COMMAND…`: become an ordinary user and run a command.

The user may not reach the interpreter, which can lie below somebody's home. So the process makes a mount
namespace of its own, lays an empty folder over each ancestor that the user may not enter, and shows the given
paths there again, read-only. Nobody else sees it, and it ends with the process. Whoever is that user already
only runs the command.

With `--no-namespaces` the kernel then refuses all further ones, as it does in many containers.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

NO_NAMESPACES = "--no-namespaces"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19  # linux/mount.h
PR_SET_DUMPABLE = 4  # linux/prctl.h
OTHERS_MAY_ENTER = 0o001
OWNER_KEY = b"idlegrid-canary"
USER_KEYRING = -4  # KEY_SPEC_USER_KEYRING, linux/keyctl.h
KEYCTL_SET_TIMEOUT = 15
KEY_SECONDS = 900
ADD_KEY = {"x86_64": 248, "aarch64": 217}
KEYCTL = {"x86_64": 250, "aarch64": 219}

libc = ctypes.CDLL(None, use_errno=True)


def closed_ancestors(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """The topmost ancestor of each path that others may not enter, and which paths lie below it."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        for ancestor in [*reversed(path.parents), path]:
            if not ancestor.stat().st_mode & OTHERS_MAY_ENTER:
                found.setdefault(ancestor, []).append(path)
                break
    return found


def open_up(paths: Iterable[Path]) -> None:
    """Show the paths to users who could not reach them."""
    checked(libc.unshare(CLONE_NEWNS))
    checked(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None))
    for ancestor, below in closed_ancestors(paths).items():
        held = {path: os.open(path, os.O_PATH) for path in below}
        checked(libc.mount(b"tmpfs", os.fsencode(ancestor), b"tmpfs", 0, b"mode=755,size=1m"))
        for path, fd in held.items():
            show(fd, path)


def show(fd: int, path: Path) -> None:
    """Bind an open folder to `path`, read-only."""
    path.mkdir(parents=True, exist_ok=True)
    checked(libc.mount(f"/proc/self/fd/{fd}".encode(), os.fsencode(path), None, MS_BIND | MS_REC, None))
    checked(libc.mount(None, os.fsencode(path), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None))
    os.close(fd)


def become(uid: int) -> None:
    """Give up every right of root's."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    os.umask(0o022)


def refuse_namespaces(uid: int) -> None:
    """Enter a last user namespace, in which the user is who it was, and allow none below it."""
    gid = os.getegid()
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else who was root may not even write its own /proc/self
    checked(libc.unshare(CLONE_NEWUSER))
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")


def keep_a_key() -> None:
    """Put a key into this user's keyring, as a desktop has; it vanishes by itself."""
    machine = os.uname().machine
    if machine in ADD_KEY:
        key = libc.syscall(ADD_KEY[machine], b"user", OWNER_KEY, b"hunter2", 7, USER_KEYRING)
        libc.syscall(KEYCTL[machine], KEYCTL_SET_TIMEOUT, key, KEY_SECONDS)


def checked(result: int) -> None:
    """Raise what the kernel complained of."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    """See the module."""
    cut = sys.argv.index("--")
    uid, words, command = int(sys.argv[1]), sys.argv[2:cut], sys.argv[cut + 1 :]
    paths = [word for word in words if word != NO_NAMESPACES]
    if uid != os.geteuid():
        open_up(Path(path) for path in dict.fromkeys(paths))
        become(uid)
    keep_a_key()
    if NO_NAMESPACES in words:
        refuse_namespaces(uid)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
