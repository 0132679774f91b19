"""The attacks are real: without a sandbox they succeed, and the witness sees it. Only harmless ones are run so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .table import TABLE
from .verdicts import packed
from .witness import Witness

SUCCEED = {
    # program: the tries that must succeed, and whether somebody must have come to the listeners
    "01_owner_files": (
        {
            *("read a private key", "read a file that everybody may read", "list the home", "write into the home"),
            *("add a key", "change a file that everybody may write", "list the temporary files of others"),
        },
        False,
    ),
    "02_node_secrets": ({"os.environ", "environ of all processes"}, False),
    "03_descriptors": ({"inherited", "inherited, by number"}, False),
    "04_network": ({"tcp 0", "tcp 1", "the coordinator"}, True),
    "05_desktop_sockets": ({"abstract socket", "abstract datagram socket", "display socket", "names of sockets"}, True),
    "10_hidden_memory": ({"memfd", "System V segment"}, False),
    "28_watches": ({"inotify"}, False),
    "32_shared_memory": ({"segment by key", "segment by id", "list of segments", "POSIX segment"}, False),
}


@pytest.fixture
def watch(tmp_path):
    place = Witness(tmp_path, range(0))
    place.look()
    yield place
    place.close()


@pytest.mark.parametrize("program", [p for p in TABLE if p.id in SUCCEED], ids=lambda program: program.id)
def test_without_a_sandbox_it_succeeds(program, watch, tmp_path):
    tries, visited = SUCCEED[program.id]
    own = {"node_pid": os.getpid(), "data": str(tmp_path), "coordinator": watch.listeners.tcp[0].getsockname()[1]}
    environment = {
        **os.environ,
        "IDLEGRID_API_KEY": watch.token,
        "IDLEGRID_PARAMETERS": json.dumps({**watch.parameters(), **own}),
    }
    work = tmp_path / "work"
    work.mkdir()
    with Path(tmp_path, "open.log").open("w") as inherited:
        done = subprocess.run(
            [sys.executable, "-c", packed(program.source)],
            env=environment,
            cwd=work,
            pass_fds=(inherited.fileno(),),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    leaks = {line.partition(":")[0] for line in done.stdout.splitlines() if ": LEAK" in line}
    assert tries <= leaks, done.stdout + done.stderr
    assert bool(watch.listeners.hits()) == visited


def test_the_witness_notices_what_was_changed(watch):
    (watch.home.path / "shared.txt").write_text("evil")
    (watch.home.path / "new").touch()
    watch.memory.posix.write_text("evil")
    noticed = "\n".join(watch.changes())
    for name in ("shared.txt", "/new", "shared memory"):
        assert name in noticed
