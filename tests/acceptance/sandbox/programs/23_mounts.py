"""Change what is mounted where."""

import ctypes
import os

from tries import attempt, done, syscall

AT_FDCWD, AT_RECURSIVE, OPEN_TREE_CLONE = -100, 0x8000, 1
MS_REMOUNT, MS_BIND, MS_RDONLY = 32, 4096, 1

os.makedirs("point", exist_ok=True)
attempt("mount", lambda: done(syscall("mount", b"tmpfs", b"point", b"tmpfs", 0, b"size=1m")))
attempt("bind", lambda: done(syscall("mount", b"/usr", b"point", None, MS_BIND, None)))
attempt("remount writable", lambda: done(syscall("mount", None, b"/usr", None, MS_BIND | MS_REMOUNT, None)))
attempt("remount root writable", lambda: done(syscall("mount", None, b"/", None, MS_BIND | MS_REMOUNT, None)))
attempt("mount proc", lambda: done(syscall("mount", b"proc", b"point", b"proc", 0, None)))
attempt("umount", lambda: done(syscall("umount2", b"/proc", 2)))
attempt("pivot_root", lambda: done(syscall("pivot_root", b".", b".")))
attempt("chroot", lambda: done(syscall("chroot", b"point")))
attempt("fsopen", lambda: done(syscall("fsopen", b"tmpfs", 0)))
attempt("open_tree", lambda: done(syscall("open_tree", AT_FDCWD, b"/usr", OPEN_TREE_CLONE | AT_RECURSIVE)))
attempt("move_mount", lambda: done(syscall("move_mount", AT_FDCWD, b"/usr", AT_FDCWD, b"point", 0)))
attempt("mount_setattr", lambda: done(syscall("mount_setattr", AT_FDCWD, b"/usr", 0, bytes(32), 32)))
handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0\x02" + bytes(32))
attempt("open_by_handle_at", lambda: done(syscall("open_by_handle_at", AT_FDCWD, handle, os.O_RDONLY)))
