"""A folder of its own for code that runs without a file system of its own."""

import contextlib
import os
import tempfile

from idlegrid_node.sandbox.confine import remove_tree

NOWHERE = "/"


def make(needed: bool, uid: int | None) -> str:
    """Return the folder to run in, made where everybody's are: another uid may not reach the node's own.

    Inside bubblewrap it is made there, so nothing is `needed` here.
    """
    if not needed:
        return NOWHERE
    folder = tempfile.mkdtemp(prefix="idlegrid-")
    if uid is not None:
        os.chown(folder, uid, uid)
    return folder


def remove(folder: str) -> None:
    """Remove what `make` made, as far as it is still there. The supervisor does it too, should we be gone."""
    if folder != NOWHERE:
        with contextlib.suppress(OSError):
            remove_tree(folder)
