"""A real PostgreSQL in a temporary folder, run by an unprivileged user."""

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

SERVERS = "/usr/lib/postgresql"
"""Where Debian puts them."""


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server there is."""
    found = sorted(Path(SERVERS).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def require_programs() -> Path:
    """As `programs`; without them the test fails in CI, and is skipped elsewhere."""
    found = programs()
    if found is None:
        reason = f"no PostgreSQL server in {SERVERS} or on PATH (Debian: apt install postgresql)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def _somebody_else() -> dict[str, Any]:
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class PostgresProcess:
    """A real server on a unix socket."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._user = programs, folder, _somebody_else()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://grid@/{database}?host={self._folder}"

    def start(self) -> None:
        if self._user:
            os.chown(self._folder, self._user["user"], self._user["group"])
        data, log = self._folder / "data", self._folder / "log"
        if not data.exists():
            self._run("initdb", "-D", str(data), "-U", "grid", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = ["-D", str(data), "-k", str(self._folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *options], stdout=output, stderr=output, cwd=self._folder, **self._user
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, cwd=self._folder, **self._user
        )
        assert done.returncode == 0, done.stderr

    def answers(self) -> bool:
        """Raises AssertionError, with the server's log, when it has ended."""
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        engine = create_engine(self.url())
        try:
            with engine.connect() as connection:
                return connection.scalar(text("SELECT 1")) == 1
        except OperationalError:
            return False
        finally:
            engine.dispose()

    def make_database(self, name: str) -> str:
        """An empty one; answers its URL."""
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """`kill -9` of the server and of every process of its."""
        assert self._process is not None
        whole = psutil.Process(self._process.pid)
        for process in [whole, *whole.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        self._process = None
