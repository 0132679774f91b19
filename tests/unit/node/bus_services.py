"""Stand-ins for Mutter, logind and a desktop's session manager, as a process on one bus.

Each line on stdin is JSON: {"what a method is called": [signature, value]}; null in its place answers never, and
what is not named is not there: then the service gives up its name. Each line is answered with one on stdout.
"""

import asyncio
import json
import sys
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

SERVICE_OF = {
    "GetIdletime": "org.gnome.Mutter.IdleMonitor",
    "ListInhibitors": "org.freedesktop.login1",
    "ListSessions": "org.freedesktop.login1",
    "GetAll": "org.freedesktop.login1",
    "IsInhibited": "org.gnome.SessionManager",
    "HasInhibit": "org.freedesktop.PowerManagement.Inhibit",
}


class Services:
    """Replies with what it was told last."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._told: dict[str, Any] = {}
        self._names: set[str] = set()

    async def tell(self, told: dict[str, Any]) -> None:
        self._told = told
        names = {SERVICE_OF[member] for member in told}
        for name in names - self._names:
            await self._bus.request_name(name)
        for name in self._names - names:
            await self._bus.release_name(name)
        self._names = names

    def handle(self, message: Message) -> Message | bool:
        """Reply to a call; True without a reply leaves the caller waiting."""
        if message.message_type is not MessageType.METHOD_CALL or message.member not in SERVICE_OF:
            return False
        told = self._told.get(message.member, ["", None])
        if told is None:
            return True
        signature, value = told
        if message.member == "GetAll":
            value = {name: Variant("b" if isinstance(v, bool) else "s", v) for name, v in value[message.path].items()}
        return Message.new_method_return(message, signature, [value])


async def serve(address: str) -> None:
    bus = await MessageBus(bus_address=address).connect()
    services = Services(bus)
    bus.add_message_handler(services.handle)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await services.tell(json.loads(line))
        print("told", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
