"""What runs inside, as a sealed file in memory that every sandbox reads for itself.

Not as a file of the node's, because none has to be visible inside; and not in the command line, where 44 KB of it
would stay in the memory of each sandbox that waits (0.7 MB, measured).
"""

import fcntl
import functools
import marshal
import os
import sys
from collections.abc import Sequence
from importlib import resources

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
_BOOT = """import marshal, posix, sys
p, library = marshal.loads(posix.pread({fd}, {size}, 0))
for n, c in p:
    m = sys.modules[n] = type(sys)(n)
    exec(c, m.__dict__)
posix.close({fd})
del n, c, p
{entry}"""


def boot(modules: Sequence[str], entry: str, version: str) -> tuple[str, int]:
    """Return the text for `python -c`, and the descriptor that has to be passed along with it.

    The modules of this package are executed in order under their own names; then `entry`, where `m` is the last of
    them and `library` the source of what the code may import of ours.
    An interpreter of our own `version` gets them compiled: that saves 1.2 ms of each start.
    """
    fd, size = _sealed(tuple(modules), compiled=version == OURS)
    return _BOOT.format(fd=fd, size=size, entry=entry), fd


@functools.cache
def _sealed(modules: tuple[str, ...], *, compiled: bool) -> tuple[int, int]:
    """Make the file, once for this process; sealed, because one sandbox must not write what the next will run."""
    programs = [(f"{__package__}.{name}", _load(name, compiled=compiled)) for name in modules]
    content = marshal.dumps((programs, resources.files("idlegrid").joinpath("guest.py").read_text("utf-8")))
    fd = os.memfd_create("sandbox", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return fd, len(content)


def _load(name: str, *, compiled: bool) -> object:
    source = resources.files(__package__).joinpath(f"{name}.py").read_text("utf-8")
    return compile(source, f"<{name}>", "exec", optimize=2) if compiled else source
