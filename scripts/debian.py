"""The programs that the tests use beside Python: which are missing, and how Debian provides them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages before they start a service; 101 forbids it (invoke-rc.d, policy-rc.d)."""

NO_SERVICES = "#!/bin/sh\nexit 101\n"


def _on_path(*names: str) -> Callable[[], bool]:
    return lambda: any(map(shutil.which, names))


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL server there is; Debian keeps its programs off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _has_nginx() -> bool:
    # Where ordinary users do not look for programs.
    return bool(shutil.which("nginx") or Path("/usr/sbin/nginx").exists())


PACKAGES: dict[str, Callable[[], bool]] = {
    "redis-server": _on_path("redis-server", "valkey-server"),
    "postgresql": lambda: postgres_programs() is not None,
    "chromium": _on_path("chromium", "chromium-browser", "google-chrome"),
    "chromium-driver": _on_path("chromedriver"),
    "iproute2": _on_path("ip"),
    "prometheus": _on_path("promtool"),
    "nodejs": _on_path("node"),
    "nginx-light": _has_nginx,
    "systemd": _on_path("systemd-analyze"),
    "dbus-daemon": _on_path("dbus-daemon"),
    "xvfb": _on_path("Xvfb"),
    "xdotool": _on_path("xdotool"),
    "libxss1": lambda: find_library("Xss") is not None,
}
"""Debian's package → whether what it provides is there, wherever it came from."""


def missing() -> list[str]:
    """The packages whose programs are not there."""
    return [package for package, is_there in PACKAGES.items() if not is_there()]


def install(packages: list[str]) -> bool:
    """Install `packages` if we may, without starting a service; whether that was tried and went well."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print(f"installing {', '.join(packages)} …", flush=True)
    with _no_services():
        return _apt("update") and _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*words: str) -> bool:
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", *words]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout.decode(errors="replace"), flush=True)
    return done.returncode == 0


@contextmanager
def _no_services() -> Iterator[None]:
    if POLICY.exists():  # somebody's own policy; it is theirs to decide
        yield
        return
    POLICY.write_text(NO_SERVICES)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
