"""What the self-test's hostile program is to find nothing of: a file, listening sockets. On the host's side."""

import secrets
import socket
import tempfile
from pathlib import Path
from typing import Self


class Decoys:
    """A canary file and listeners on loopback, for the time of one test."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="idlegrid-decoy-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)  # the code's user may reach it: only the sandbox keeps it away
        self._canary = folder / "canary"
        self._canary.write_text("this must not be read")
        self._canary.chmod(0o644)
        self._tcp = _listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._udp = _listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self._name = f"idlegrid-{secrets.token_hex(8)}"
        self._abstract = _listening(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self._name}")
        return self

    def __exit__(self, *_: object) -> None:
        for listener in (self._tcp, self._udp, self._abstract):
            listener.close()
        self._folder.cleanup()

    @property
    def parameters(self) -> dict[str, object]:
        """What the hostile program is told of them."""
        return {
            "canary": str(self._canary),
            "tcp": self._tcp.getsockname()[1],
            "udp": self._udp.getsockname()[1],
            "abstract": self._name,
        }

    def reached(self) -> list[str]:
        """Return the names of the listeners that were reached."""
        listeners = {"tcp": self._tcp, "udp": self._udp, "abstract": self._abstract}
        return [name for name, listener in listeners.items() if _was_reached(listener)]


def _listening(family: int, kind: int, address: object) -> socket.socket:
    listener = socket.socket(family, kind)
    listener.bind(address)  # type: ignore[arg-type] # a name or a pair, by its family
    if kind == socket.SOCK_STREAM:
        listener.listen()
    listener.setblocking(False)
    return listener


def _was_reached(listener: socket.socket) -> bool:
    try:
        listener.recv(1) if listener.type == socket.SOCK_DGRAM else listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
