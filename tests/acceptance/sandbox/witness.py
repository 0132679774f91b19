"""The host's side of a hostile program: what it could have reached, and whether any of it was touched."""

import ctypes
import hashlib
import os
import secrets
import socket
import stat
import sys
from pathlib import Path

from .plain_user import keep_a_key

WATCHED = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/", "/etc", "/usr/bin")
SETTINGS = ("kernel/core_pattern", "kernel/hostname", "kernel/modprobe", "vm/overcommit_memory", "fs/suid_dumpable")
IPC_CREAT, IPC_RMID, IPC_STAT = 0o1000, 0, 2
IPC_PERM_BYTES = 24
"""Key, owners and mode: how a segment's state begins (struct ipc64_perm)."""
SCRATCH = "idlegrid-"
"""How the folders are called in which code runs at level 2: those that wait for a job are there all the time."""

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p

State = dict[str, tuple[object, ...]]


class Listeners:
    """Sockets as the owner's programs have them; nobody may come."""

    def __init__(self, folder: Path) -> None:
        self.tcp = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        name = f"idlegrid-canary-{secrets.token_hex(4)}"
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0{name}")
        self.datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.datagram.bind(f"\0{name}-datagram")
        self.name = name
        self.display_path = folder / "X99"
        self.display = socket.socket(socket.AF_UNIX)
        self.display.bind(str(self.display_path))
        self.display_path.chmod(0o777)
        for listener in (self.abstract, self.display):
            listener.listen()
        for any_socket in self.all:
            any_socket.setblocking(False)

    @property
    def all(self) -> list[socket.socket]:
        return [*self.tcp, self.abstract, self.display, self.udp, self.datagram]

    def hits(self) -> list[str]:
        """Whoever came since the last look: connections and packets."""
        found = [f"a packet: {packet!r}" for packet in map(_packet, (self.udp, self.datagram)) if packet is not None]
        return found + [f"a connection to {listener}" for listener in self.all[:4] if _connection(listener)]

    def close(self) -> None:
        for any_socket in self.all:
            any_socket.close()


def _packet(receiver: socket.socket) -> bytes | None:
    try:
        return receiver.recv(100)
    except BlockingIOError:
        return None


def _connection(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


class SharedMemory:
    """A System V segment and a POSIX one, both for everybody to write."""

    CONTENT = b"hunter2"

    def __init__(self) -> None:
        self.key = secrets.randbelow(2**30) + 1
        self.id = libc.shmget(self.key, 4096, IPC_CREAT | 0o666)
        assert self.id >= 0, os.strerror(ctypes.get_errno())
        self._address = libc.shmat(self.id, None, 0)
        ctypes.memmove(self._address, self.CONTENT, len(self.CONTENT))
        self.posix = Path("/dev/shm") / f"idlegrid-canary-{self.key}"
        self.posix.write_bytes(self.CONTENT)
        self.posix.chmod(0o666)

    def state(self) -> State:
        """What there is to be changed: contents, owners and modes."""
        ds = ctypes.create_string_buffer(256)
        answer = libc.shmctl(self.id, IPC_STAT, ds)
        content = ctypes.string_at(self._address, len(self.CONTENT)), self.posix.read_bytes()
        return {"shared memory": (answer, ds.raw[:IPC_PERM_BYTES], *content, self.posix.stat().st_mode)}

    def close(self) -> None:
        libc.shmdt(ctypes.c_void_p(self._address))
        libc.shmctl(self.id, IPC_RMID, None)
        self.posix.unlink(missing_ok=True)


class Home:
    """An owner's home folder with what is worth stealing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / ".ssh").mkdir(parents=True)
        (path / ".ssh" / "id_rsa").write_text("hunter2: a private key\n")
        (path / "notes.txt").write_text("hunter2: notes\n")
        (path / "shared.txt").write_text("hunter2: for everybody\n")
        for name, mode in ((".ssh", 0o700), (".ssh/id_rsa", 0o600), ("notes.txt", 0o644), ("shared.txt", 0o666)):
            (path / name).chmod(mode)
        path.chmod(0o755)

    def give_to(self, uid: int) -> None:
        """Make it the home of a user."""
        for path in [self.path, *self.path.rglob("*")]:
            os.chown(path, uid, uid)

    def state(self) -> State:
        """Everything in it: contents, modes, owners, times."""
        return {str(path): _all_of(path) for path in [self.path, *sorted(self.path.rglob("*"))]}


def _all_of(path: Path) -> tuple[object, ...]:
    info = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(info.st_mode) else ""
    return info.st_mode, info.st_uid, info.st_nlink, info.st_size, info.st_mtime_ns, content


class Witness:
    """All canaries of one node. `guests` are the uids that nobody but the node's sandboxes has."""

    def __init__(self, folder: Path, guests: range) -> None:
        self.folder = folder
        self.guests = guests
        self.token = f"canary-{secrets.token_hex(8)}"
        self.home = Home(folder / "home")
        self.listeners = Listeners(folder)
        self.memory = SharedMemory()
        keep_a_key()
        self._before: State = {}

    def parameters(self) -> dict[str, object]:
        """What the programs are told, so that they need not guess."""
        return {
            "home": str(self.home.path),
            "temporary": str(self.folder),
            "nekot": self.token[::-1],
            "tcp": [listener.getsockname()[1] for listener in self.listeners.tcp],
            "udp": self.listeners.udp.getsockname()[1],
            "abstract": self.listeners.name,
            "abstract_datagram": f"{self.listeners.name}-datagram",
            "display": str(self.listeners.display_path),
            "shm_key": self.memory.key,
            "shm_id": self.memory.id,
            "posix_shm": self.memory.posix.name,
        }

    def look(self) -> None:
        """Remember how everything is now."""
        self._before = self._state()

    def changes(self) -> list[str]:
        """What is not as it was at the last `look`, and who came."""
        now = self._state()
        names = sorted(name for name in {*self._before, *now} if self._before.get(name) != now.get(name))
        return [f"{name}: {self._before.get(name)} -> {now.get(name)}" for name in names] + self.listeners.hits()

    def close(self) -> None:
        self.listeners.close()
        self.memory.close()

    def _state(self) -> State:
        return {
            **self.home.state(),
            **self.memory.state(),
            **{f"file {path}": () for path in self._files_of_guests()},
            **{name: (Path("/proc/sys", name).read_text(),) for name in SETTINGS if _readable(name)},
        }

    def _files_of_guests(self) -> list[Path]:
        paths = [Path(folder, name) for folder in WATCHED for name in os.listdir(folder)]
        return [path for path in paths if not path.name.startswith(SCRATCH) and owner(path) in self.guests]


def _readable(setting: str) -> bool:
    return os.access(f"/proc/sys/{setting}", os.R_OK)


def marked(mark: str) -> list[str]:
    """All processes that carry a program's mark, in a thread's name or in their command line."""
    return [f"process {pid} is left: {line_of(pid)[:80]}" for pid in _pids() if carries(pid, mark)]


def carries(pid: int, mark: str) -> bool:
    """Whether a process carries a program's mark."""
    return mark in line_of(pid) or mark in _command_of(pid)


def of_users(uids: range) -> set[int]:
    """All processes of these users."""
    return {pid for pid in _pids() if owner(f"/proc/{pid}") in uids and line_of(pid)}


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def line_of(pid: int) -> str:
    """The kernel's line of a process; empty if it is gone. A zombie is gone: it only waits to be noticed."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    return "" if line.rpartition(")")[2].split()[0] in "ZX" else line


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace") if line_of(pid) else ""
    except OSError:
        return ""


def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 if there is none (landlock_create_ruleset(2) has one number everywhere)."""
    return max(0, libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))) if sys.platform == "linux" else 0


def owner(path: str | Path) -> int:
    """The user that a path belongs to; -1 if it is gone."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return -1
