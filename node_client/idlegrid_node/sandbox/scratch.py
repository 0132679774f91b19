"""A folder of its own for code that runs without a sandbox."""

import os
import shutil
import tempfile
from pathlib import Path

from idlegrid_node.sandbox.process import Backend

NOWHERE = "/"


def make(backend: Backend, parent: Path | None = None) -> str:
    """Return the folder to run in: inside a sandbox it is made there, so nothing is needed here.

    An unprivileged uid may not reach `parent`: for it the folder is made where everybody's are.
    """
    if backend.bwrap:
        return NOWHERE
    folder = tempfile.mkdtemp(prefix="idlegrid-", dir=parent if backend.uid is None else None)
    if backend.uid is not None:
        os.chown(folder, backend.uid, backend.uid)
    return folder


def remove(folder: str) -> None:
    """Remove what `make` made, as far as that is possible."""
    if folder != NOWHERE:
        shutil.rmtree(folder, ignore_errors=True)
