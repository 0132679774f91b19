"""What kind of machine the figures come from. It names no machine."""

import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any


def facts(data: Path) -> dict[str, Any]:
    """Cores, memory, versions, and how long the disk below `data` takes to make 4 KiB durable."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "redis": _redis(),
        "fsync_ms": round(_fsync_ms(data), 2),
        "load_before": load(),
    }


def load() -> float:
    """How many processes wanted a core, over the last minute: what else the machine did, and the benchmark itself."""
    return round(os.getloadavg()[0], 2)


def sentence(found: dict[str, Any]) -> str:
    """The facts in one line."""
    return (
        f"{found['cores']} cores ({found['cpu']}), {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, Redis {found['redis']}, fsync {found['fsync_ms']} ms, "
        f"load before {found['load_before']}" + (f", after {found['load_after']}" if "load_after" in found else "")
    )


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _redis() -> str:
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        return "none"
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    return next((word[2:] for word in said.split() if word.startswith("v=")), said.strip())


def _fsync_ms(folder: Path, rounds: int = 50) -> float:
    """The median over `rounds`: it bounds every figure that waits for the record."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(rounds):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000
