"""What start.py and test.py share: the virtual environment, what is installed in it, and the wheels. Standard library.

A stamp says what `.venv` was last filled from (projects, Python, extra requirements); while it is right nothing is
done. While something is being installed there is no stamp but a mark, and whoever finds the mark starts from nothing:
pip takes a half-installed package for a whole one.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SHARE = VENV / "share" / "idlegrid"
DIST = SHARE / "dist"
"""Where the coordinator finds the wheels that spare machines install."""

PROJECTS = ("client", "node_client", "server", "dashboard")
FAST_PIP = 25
"""Older ones take twice as long for what is installed here."""
BUILD_TOOLS = ("hatchling>=1.27,<2",)
"""Installed for good, so that building wheels needs no network; as in every pyproject.toml."""

INSTALL_STAMP = SHARE / "installed"
DEV_STAMP = SHARE / "installed-dev"
WHEEL_STAMP = SHARE / "wheels"
UNFINISHED = VENV / "unfinished"

_BUILD = """
import os, sys
from hatchling.build import build_wheel
destination, *projects = sys.argv[1:]
for project in projects:
    os.chdir(project)
    build_wheel(destination)
"""


class SetupError(Exception):
    """The environment cannot be made; the message says what to do."""


@contextmanager
def lock() -> Iterator[None]:
    """Keep others from installing at the same time; says so when it has to wait."""
    with (ROOT / "pyproject.toml").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another start.py or test.py to finish installing …", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_projects(*, dev: bool = False) -> None:
    """Make `.venv` hold the four projects as they are now, and with `dev` what checks and tests need.

    Raises `SetupError`.
    """
    extra = dev_requirements() if dev else []
    stamp = DEV_STAMP if dev else INSTALL_STAMP
    wanted = _install_digest(extra)
    if _is_whole() and _read(stamp) == wanted:
        return
    if not _is_whole():
        _make_venv()
    UNFINISHED.touch()
    print(f"installing into {VENV} (a minute or two the first time) …", flush=True)
    editable = [word for project in PROJECTS for word in ("-e", str(ROOT / project))]
    _pip([*editable, *extra, *BUILD_TOOLS])
    _write(stamp, wanted)
    if dev:
        _write(INSTALL_STAMP, _install_digest([]))
    UNFINISHED.unlink()


def dev_requirements() -> list[str]:
    """What the checks and the tests need, from the extra `dev` of the root's pyproject.toml."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(document["project"]["optional-dependencies"]["dev"])


def build_wheels() -> None:
    """Build the projects' wheels into `DIST` unless their sources are what they were; raises `SetupError`."""
    wanted = _digest(sorted(_sources()))
    if _read(WHEEL_STAMP) == wanted and DIST.is_dir():
        return
    print("building the wheels for spare machines …", flush=True)
    # Beside the old ones, so that a coordinator that runs never serves half of them.
    fresh = SHARE / "dist.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    projects = [str(ROOT / project) for project in PROJECTS]
    _run([str(PYTHON), "-c", _BUILD, str(fresh), *projects], "the wheels cannot be built")
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)
    _write(WHEEL_STAMP, wanted)


def _is_whole() -> bool:
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    return _read(SHARE / "python") == _python_identity()


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SetupError(
            f"this Python cannot make virtual environments. On Debian or Ubuntu: apt install {package} "
            "(python3-venv for the system's own Python)"
        )
    print(f"making {VENV} with Python {sys.version.split()[0]} …", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(VENV)], f"{VENV} cannot be made")
    if _version_of_pip() < FAST_PIP:
        _pip(["--upgrade", "pip"])
    _write(SHARE / "python", _python_identity())


def _version_of_pip() -> int:
    """The one that Python brings along."""
    import ensurepip  # Debian's Python may lack it; then nobody comes here

    return int(ensurepip.version().partition(".")[0])


def _python_identity() -> str:
    return f"{sys.version_info[:3]} {Path(sys.base_prefix).resolve()}"


def _pip(arguments: Sequence[str]) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]
    _run(command, "pip could not install everything (its message is above)")


def _run(command: Sequence[str], trouble: str) -> None:
    # PIP_USER and a foreign PYTHONPATH would both reach past the environment.
    environment = {name: value for name, value in os.environ.items() if name not in {"PIP_USER", "PYTHONPATH"}}
    if subprocess.run(command, check=False, env=environment).returncode != 0:
        raise SetupError(trouble)


def _install_digest(extra: Iterable[str]) -> str:
    described = [ROOT / project / "pyproject.toml" for project in PROJECTS]
    return _digest(described, [_python_identity(), str(ROOT), *BUILD_TOOLS, *extra])


def _sources() -> Iterator[Path]:
    for project in PROJECTS:
        for path in (ROOT / project).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _digest(paths: Iterable[Path], words: Iterable[str] = ()) -> str:
    digest = hashlib.sha256("\n".join(words).encode())
    for path in paths:
        digest.update(f"\n{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
