"""Looking names up, in threads of its own: one whose servers are dead holds a thread as long as the system likes."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor


def resolver(threads: int) -> Callable[[str, int], Awaitable[list[str]]]:
    """Host and port → addresses, as the system finds them; so many names at a time. Raises OSError, UnicodeError."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def resolve(host: str, port: int) -> list[str]:
        return await asyncio.get_running_loop().run_in_executor(pool, _addresses, host, port)

    return resolve


def _addresses(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
