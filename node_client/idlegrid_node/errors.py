"""Everything the node raises on purpose.

::

    IdlegridError                (from idlegrid.errors)
    └── NodeError
        ├── SettingsError        a setting or the owner's policy makes no sense
        ├── FilesChanged         the files of a run's task are not those that its lease named
        ├── CheckpointUnavailable  what an earlier attempt of a run left cannot be had, or is damaged
        ├── KeyRefused           the coordinator does not let this node in: its key or its join token is no good
        ├── DataFolderInUse      another node works in the same data folder
        └── SandboxUnavailable   no way to run foreign code safely on this machine
"""

from idlegrid.errors import IdlegridError


class NodeError(IdlegridError):
    """The base of the node's own errors."""


class SettingsError(NodeError):
    """A setting or a value in the owner's policy file makes no sense; the message names it."""


class KeyRefused(NodeError):
    """The coordinator does not let this node in; the message says why, and what would."""


class DataFolderInUse(NodeError):
    """Another node already works in the data folder."""


class FilesChanged(NodeError):
    """The files of a run's task are not those that its lease named: another lease may have them."""


class CheckpointUnavailable(NodeError):
    """The checkpoint that a lease names cannot be had, or is not what it was: another node may get it."""


class SandboxUnavailable(NodeError):
    """Code cannot be run safely here. `remedy` is the command that mends it, or empty."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
