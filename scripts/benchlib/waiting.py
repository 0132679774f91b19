"""(h) The memory that a waiting sandbox takes: bubblewrap, the supervisor, and the child that waits for the code."""

import importlib.util
from contextlib import ExitStack
from pathlib import Path

from benchlib.report import Figure, at_most, p50
from benchlib.sandboxes import WAIT_SECONDS, apart, lab
from idlegrid_node.policy import DESKTOP
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.job import DISK_MB
from idlegrid_node.sandbox.sandbox import Sandbox

SECTION = "h waiting sandbox"
ROUNDS = 5
TARGET_MB = 6
KEPT = DESKTOP.warm_sandboxes


Found = dict[str, list[tuple[float, float]]]


def figures() -> list[Figure]:
    """Beside a plain one also one that has numpy imported, where numpy is installed."""
    found = apart(_measure, None, (), {"alone": 1, f"each of {KEPT}": KEPT})
    packages = _site_of("numpy")
    if packages is not None:
        found |= apart(_measure, packages, ("numpy",), {"alone, numpy imported": 1})
    return rows(found)


def rows(found: Found) -> list[Figure]:
    """The figures of (proportional, of it anonymous) MB by name; the target is for plain ones."""
    figures = []
    for name, pairs in found.items():
        target = None if "numpy" in name else at_most(TARGET_MB, "MB")
        whole, own = (p50(values) for values in zip(*pairs, strict=True))
        detail = {"rounds": len(pairs), "mb": pairs}
        figures.append(Figure(SECTION, f"a waiting sandbox, level 3, {name}: PSS", whole, "MB", target, detail))
        figures.append(Figure(SECTION, f"a waiting sandbox, level 3, {name}: anonymous part", own, "MB"))
    return figures


def _measure(packages: Path | None, preload: tuple[str, ...], numbers: dict[str, int]) -> Found:
    with lab((3,), packages, preload) as here:
        backend = here.backends.get(3)
        if backend is None or backend.preload != preload:
            return {}
        return {name: [_memory(backend, number) for _ in range(ROUNDS)] for name, number in numbers.items()}


def _memory(backend: Backend, number: int) -> tuple[float, float]:
    """The mean of so many that wait together: proportional set size in MB, and the anonymous part of it."""
    with ExitStack() as stack:
        waiting = [Sandbox(backend, DISK_MB) for _ in range(number)]
        for sandbox in waiting:
            stack.callback(sandbox.close)
        for sandbox in waiting:
            sandbox.wait_ready(WAIT_SECONDS)
        pids = [pid for sandbox in waiting for pid in sandbox.pids()]
        whole, own = (sum(_kb(pid, field) for pid in pids) / number / 1024 for field in ("Pss:", "Pss_Anon:"))
    return whole, own


def _kb(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def _site_of(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parents[1] if spec and spec.origin else None
