"""Outputs that are no files: links to the owner's, pipes, devices, names that hurt."""

import os
import socket
import stat

from tries import GIVEN, attempt, say

DEEP = 300
os.makedirs("out/sub", exist_ok=True)


def made(path, content=b"fine"):
    with open(path, "wb") as file:
        file.write(content)


def deep():
    folder = os.open("out", os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d" * 50, dir_fd=folder)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)


def listening():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("out/socket")


made("out/good.txt")
made("out/sub/good.txt")
made(b"out/bad\n\x1b]0;title\x07\xff")
made("out/..hidden", b"fine")
made(r"out/back\slash")
made("out/setuid", b"#!/bin/sh\n")
attempt("setuid bit", os.chmod, "out/setuid", 0o6755)
attempt("link to a key", os.symlink, f"{GIVEN['home']}/.ssh/id_rsa", "out/key")
attempt("link to a file all may read", os.symlink, f"{GIVEN['home']}/notes.txt", "out/notes")
attempt("link to the root", os.symlink, "/", "out/root")
attempt("link that leads up", os.symlink, "..", "out/up")
attempt("link to the environment", os.symlink, "/proc/self/environ", "out/environ")
attempt("a pipe", os.mkfifo, "out/pipe")
attempt("a socket", listening)
attempt("a hard link to su", lambda: os.link("/usr/bin/su", "out/su") or "linked")
attempt("a device", lambda: os.mknod("out/device", stat.S_IFBLK | 0o666, os.makedev(254, 0)) or "made")
attempt("a deep tree", deep)
say("end", "HELD")
