"""Type into the owner's terminal."""

import fcntl
import os

from tries import attempt, done, syscall

TIOCSTI, TIOCLINUX, TIOCSCTTY = 0x5412, 0x541C, 0x540E

for fd in (0, 1, 2):
    attempt(f"type into {fd}", lambda fd=fd: done(fcntl.ioctl(fd, TIOCSTI, b"x")))
    attempt(f"paste into {fd}", lambda fd=fd: done(fcntl.ioctl(fd, TIOCLINUX, b"\x03")))
attempt("with the upper half set", lambda: done(syscall("ioctl", 0, TIOCSTI | (1 << 32), b"x")))
attempt("/dev/tty", lambda: done(os.open("/dev/tty", os.O_RDWR)))
attempt("/dev/tty1", lambda: done(os.open("/dev/tty1", os.O_RDWR)))
attempt("/dev/pts", lambda: [name for name in os.listdir("/dev/pts") if name.isdigit()])
