"""The data folder of a grid: what lies where, and the lock that keeps a second `up` out.

::

    DIR/  grid.db         the record (the coordinator's)        keys.json   for a grid that others can reach
          redis/          Redis' append-only file               nodes/1 …   each local node's own folder
          logs/NAME.log   one per child, and NAME.log.1         run/        socket and ready file of this run
          up.lock         held by the supervisor, with its pid
"""

import fcntl
import os
from pathlib import Path
from typing import IO

from idlegrid_server.up.errors import FolderTaken


class DataFolder:
    """The folder at `path`, made private to its user (0700) when it is not there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.redis = self.path / "redis"
        self.ready_file = self.run / "ready"
        for folder in (self.path, self.run, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def node(self, number: int) -> Path:
        """The folder of the local node with this number, counted from 1."""
        return self.path / "nodes" / str(number)

    def lock(self) -> IO[str]:
        """Hold the folder until the returned file is closed or this process ends, however it ends.

        Raises `FolderTaken`, naming the process that holds it.
        """
        path = self.path / "up.lock"
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = file.read().strip() or "unknown"
            file.close()
            message = f"{self.path} is in use by another `idlegrid up` (process {holder}); give another --data"
            raise FolderTaken(message) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file
