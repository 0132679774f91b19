"""A PostgreSQL of one's own, run by an unprivileged user, as durable as it comes (`fsync` on)."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

import debian
from benchlib.processes import NotReady, process


@contextmanager
def postgres(data: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start a server on a unix socket; the URL of an empty database and the process."""
    programs, who, folder = _programs(), _somebody_else(), data / "postgres"
    folder.mkdir()
    if who:
        data.chmod(0o755)
        os.chown(folder, who["user"], who["group"])
    options = ["-U", "grid", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", *options], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who
    )
    server = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses="]
    ask = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    ready = lambda: subprocess.run(ask, check=False).returncode == 0  # noqa: E731 - named for the call below
    with process("postgres-server", server, data, ready, cwd=folder, **who) as started:
        yield f"postgresql+psycopg://grid@/postgres?host={folder}", started


def _programs() -> Path:
    found = debian.postgres_programs()
    if found is None:
        raise NotReady("no PostgreSQL server: apt-get install postgresql")
    return found


def _somebody_else() -> dict[str, Any]:
    """Who runs it: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
