"""The child process that talks to D-Bus: each line on stdin asks, and one line of JSON tells of every part.

The only module that imports dbus-fast: its 15 MB are the child's, which runs only where there is a bus.
A service that hangs is given up after PATIENCE_S and does not hold up the others. Nothing is started by
asking for it.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from dbus_fast import DBusFastError, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.unpack import unpack_variants

from idlegrid_node.probes import inhibitors, mutter, sessions
from idlegrid_node.probes.bus import addresses
from idlegrid_node.probes.reading import AbsentError

PATIENCE_S = 0.15
"""For one part, with all its calls: less than the asker waits (child.PATIENCE_S)."""
NOT_THERE = frozenset(
    f"org.freedesktop.DBus.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "UnknownObject")
)
Ask = Callable[[Any], Awaitable[Any]]


class Line:
    """A connection to one bus, made when it is first needed and again after it broke."""

    def __init__(self, kind: str, address: str) -> None:
        self._kind = kind
        self._address = address
        self._lock = asyncio.Lock()
        self._bus: MessageBus | None = None

    async def __call__(
        self, service: str, path: str, member: str, signature: str = "", body: tuple[object, ...] = ()
    ) -> Any:
        """Return the first value of the reply to `interface.member`. Raises AbsentError, OSError."""
        interface, _, name = member.rpartition(".")
        message = Message(
            destination=service,
            path=path,
            interface=interface,
            member=name,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NO_AUTOSTART,
        )
        reply = await (await self._connected()).call(message)
        if reply.message_type is MessageType.ERROR:
            told = f"{name}: {reply.error_name}"
            raise AbsentError(f"{service} is not there") if reply.error_name in NOT_THERE else OSError(told)
        return unpack_variants(reply.body)[0]

    async def _connected(self) -> MessageBus:
        async with self._lock:
            if self._bus is None or not self._bus.connected:
                self._bus = await self._connect()
            return self._bus

    async def _connect(self) -> MessageBus:
        if not self._address:
            raise AbsentError(f"no {self._kind} bus")
        try:
            return await MessageBus(bus_address=self._address, auth_timeout=PATIENCE_S / 2).connect()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise AbsentError(f"no {self._kind} bus") from error


def parts() -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return what each part of an answer is asked with."""
    found = addresses()
    system, session = Line("system", found.system), Line("session", found.session)
    return {
        mutter.PART: partial(mutter.ask, session),
        inhibitors.SYSTEM: partial(inhibitors.ask_system, system),
        inhibitors.SESSION: partial(inhibitors.ask_session, session),
        sessions.PART: partial(sessions.ask, system),
    }


async def told(ask: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    """Return what a part says, why it is absent, or what its fault is."""
    try:
        return {"told": await asyncio.wait_for(ask(), PATIENCE_S)}
    except AbsentError as error:
        return {"absent": str(error)}
    except TimeoutError:
        return {"fault": "does not answer"}
    except (OSError, DBusFastError, EOFError, LookupError, TypeError, ValueError) as error:
        return {"fault": str(error) or type(error).__name__}


async def answer() -> None:
    """Answer the lines on stdin until it ends."""
    asked = parts()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        answers = await asyncio.gather(*map(told, asked.values()))
        print(json.dumps(dict(zip(asked, answers, strict=True))), flush=True)


if __name__ == "__main__":
    asyncio.run(answer())
