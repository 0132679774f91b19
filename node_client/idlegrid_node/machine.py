"""What the machine has, and how loaded it is now."""

import os
import platform
import time
from typing import Any


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_mb() -> int:
    """Return the machine's memory in MB."""
    import psutil

    return int(psutil.virtual_memory().total / 2**20)


def load() -> dict[str, float]:
    """Return the protocol's `current_load`; the CPU's share is since the last call."""
    import psutil

    return {"cpu_percent": psutil.cpu_percent(None), "memory_percent": psutil.virtual_memory().percent}


def utc_offset() -> int:
    """Return the seconds east of UTC of this machine's clock, now."""
    return time.localtime().tm_gmtoff


def python_version() -> str:
    """Return this interpreter's version like `3.11`."""
    return ".".join(platform.python_version_tuple()[:2])


def describe() -> dict[str, Any]:
    """Return what does not change while the node runs, by the protocol's names."""
    import socket

    from idlegrid_node import __version__

    return {"hostname": socket.gethostname(), "pid": os.getpid(), "version": __version__}
