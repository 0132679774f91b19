"""The node's data folder: made, and locked against a second node."""

import fcntl
import os
from pathlib import Path
from typing import Self

from idlegrid_node.errors import DataFolderInUse, SettingsError


class DataFolder:
    """A data folder that is ours until `close`, or until the process ends however it ends.

    Raises `DataFolderInUse` if another node works in it, `SettingsError` if it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"the data folder {self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise DataFolderInUse(
                f"another node works in {self.path}: stop it, or give this one its own --data DIR"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)
