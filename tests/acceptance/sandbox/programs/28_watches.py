"""Take all of the owner's file watches."""

from tries import attempt, syscall


def instances():
    """Each costs the user one of 128."""
    count = 0
    try:
        for _ in range(1000):
            syscall("inotify_init1", 0)
            count += 1
    except OSError:
        if not count:
            raise
    return f"{count} instances"


attempt("inotify", instances)
attempt("fanotify", lambda: f"descriptor {syscall('fanotify_init', 0, 0)}")
attempt("fanotify without privilege", lambda: f"descriptor {syscall('fanotify_init', 0x200, 0)}")
