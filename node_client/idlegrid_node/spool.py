"""Reports that could not be delivered: one file each, under the coordinator they belong to.

A file is written whole or not at all. `ok` and `conflict` both end it: the coordinator has decided.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Report = dict[str, Any]
BATCH_BYTES = 2**20
"""A batch is one request: far below the coordinator's limit for a body, however many reports there are."""


class Spool:
    """The reports kept below `folder` for the coordinator `server_id`."""

    def __init__(self, folder: Path, server_id: str) -> None:
        self._folder = folder / (re.sub(r"[^A-Za-z0-9-]", "_", server_id) or "unknown")

    def keep(self, report: Report) -> None:
        """Write a report down; on disk when this returns. The same lease's report is replaced.

        Raises OSError, and leaves nothing behind, when it cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._path(report)
        draft = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with open(draft, "w", encoding="utf-8") as file:
                json.dump(report, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(self._folder)

    def waiting(self, limit: int = 50, size: int = BATCH_BYTES) -> list[Report]:
        """Return kept reports, the oldest first: up to `limit` of `size` bytes in all, but at least one.

        A file that is no report is set aside.
        """
        found: list[Report] = []
        room = size
        for path in sorted(self._folder.glob("*.json"), key=_modified):
            room -= path.stat().st_size
            if len(found) == limit or (found and room < 0):
                break
            report = _load(path)
            if report is None:
                path.rename(path.with_suffix(".broken"))
            else:
                found.append(report)
        return found

    def remove(self, report: Mapping[str, Any]) -> None:
        """Forget a report: the coordinator has decided about it."""
        self._path(report).unlink(missing_ok=True)

    def __bool__(self) -> bool:
        return next(self._folder.glob("*.json"), None) is not None

    def _path(self, report: Mapping[str, Any]) -> Path:
        return self._folder / (re.sub(r"[^A-Za-z0-9-]", "_", str(report["lease_id"])) + ".json")


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _load(path: Path) -> Report | None:
    try:
        report = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    return report if isinstance(report, dict) and "lease_id" in report else None


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
