"""The command line of bubblewrap: what the code sees, and what it may not do.

Pure; each unusual option is argued here. bubblewrap must be started with an EMPTY environment (its
`--clearenv` does not hide ours from `/proc/1/environ`) and never as root (uid 65534 inside would then be
root outside).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from idlegrid_node.sandbox.job import MIB

WORK = "/work"
KEYRINGS = ("/proc/keys", "/proc/key-users")
"""They list the names of the owner's keys, in whatever namespace one is (keyrings(7))."""
SHM_BYTES = 64 * MIB
PYTHON_INSIDE = "/python"
"""Where an interpreter that lives outside /usr is shown: its own path may tell the owner's name."""
PACKAGES_INSIDE = "/packages"

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin",
    "HOME": WORK,
    "TMPDIR": WORK,
    "LANG": "C.UTF-8",
    # One thread per library: a run is placed by the cores that it asked for.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""All that the code finds in its environment, besides IDLEGRID_PARAMETERS and IDLEGRID_CHECKPOINT_DIR."""

_ISOLATION = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534",
    "--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
    # Our own supervisor is the first process: the code can neither stop nor kill it.
    "--as-pid-1",
)  # fmt: skip
_SYSTEM = (
    "--ro-bind", "/usr", "/usr",
    "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
    "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
    "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
    "--ro-bind-try", "/etc/localtime", "/etc/localtime",
    "--ro-bind-try", "/etc/ssl/certs", "/etc/ssl/certs",
)  # fmt: skip


@dataclass(frozen=True)
class Interpreter:
    """A Python as the sandbox can show it.

    `executable` is its path inside; `prefix` the folder outside that has to be shown as PYTHON_INSIDE, or
    empty when it lies under /usr; `version` like `3.11`.
    """

    executable: str
    version: str
    prefix: str = ""

    @property
    def home(self) -> str:
        """The folder outside that holds the interpreter, where it runs without a sandbox of its own view."""
        return self.prefix or str(PurePosixPath(self.executable).parents[1])

    @property
    def outside(self) -> "Interpreter":
        """The same interpreter where nothing shows it elsewhere than it lies."""
        name = PurePosixPath(self.executable).name
        return Interpreter(f"{self.prefix}/bin/{name}", self.version) if self.prefix else self


def command(
    bwrap: str,
    python: Interpreter,
    tmpfs_bytes: int,
    filter_fd: int,
    packages: str = "",
    hidden: Iterable[str] = (),
) -> list[str]:
    """Return the command line up to the program to run.

    `tmpfs_bytes` bounds /work; `filter_fd` is open on the system-call filter, and each start needs its own;
    `packages` is a folder to show as PACKAGES_INSIDE; `hidden` are files of /proc that are there but shall not be.
    """
    return [
        bwrap,
        *_ISOLATION,
        *_environment(python),
        *_SYSTEM,
        *_memory_filesystems(tmpfs_bytes, hidden),
        # After the tmpfs: a bind below a later tmpfs would vanish under it.
        *(("--ro-bind", python.prefix, PYTHON_INSIDE) if python.prefix else ()),
        *(("--ro-bind", packages, PACKAGES_INSIDE) if packages else ()),
        "--chdir",
        WORK,
        # Left writable, / is a tmpfs of half the machine's memory that no watcher sees.
        "--remount-ro",
        "/",
        *("--seccomp", str(filter_fd)),
        "--",
    ]


def _environment(python: Interpreter) -> list[str]:
    extra = {"LD_LIBRARY_PATH": str(PurePosixPath(PYTHON_INSIDE, "lib"))} if python.prefix else {}
    return [word for item in {**ENVIRONMENT, **extra}.items() for word in ("--setenv", *item)]


def _memory_filesystems(tmpfs_bytes: int, hidden: Iterable[str]) -> list[str]:
    return [
        *("--proc", "/proc"),
        *(word for path in hidden for word in ("--ro-bind", "/dev/null", path)),
        *("--remount-ro", "/proc"),
        *("--dev", "/dev", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108
        *("--size", str(tmpfs_bytes), "--tmpfs", WORK, "--symlink", "work", "/tmp"),  # noqa: S108
    ]
