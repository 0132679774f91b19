"""Read, list and write what is the owner's."""

import os

from tries import GIVEN, attempt, read, write

home = GIVEN["home"]


def changed(change):
    """Where no file system of its own hides the owner's, this cannot be held; it is put back."""
    path = f"{home}/shared.txt"
    info = os.stat(path)
    change(path)
    os.chmod(path, info.st_mode & 0o7777)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    return "changed"


attempt("read a private key", read, f"{home}/.ssh/id_rsa")
attempt("read a file that everybody may read", read, f"{home}/notes.txt")
attempt("read it by a way round", read, f"/proc/self/root{home}/notes.txt")
attempt("read it by dots", read, f"../../../../../../..{home}/notes.txt")
attempt("list the home", os.listdir, home)
attempt("list the keys", os.listdir, f"{home}/.ssh")
attempt("list the node's data folder", os.listdir, GIVEN["data"])
attempt("list all homes", os.listdir, "/home")
attempt("list root's home", os.listdir, "/root")
attempt("read the users", read, "/etc/passwd")
attempt("read the passwords", read, "/etc/shadow")
attempt("list the temporary files of others", os.listdir, GIVEN["temporary"])
attempt("write into the home", write, f"{home}/.bashrc", b"evil")
attempt("add a key", write, f"{home}/.ssh/authorized_keys", b"evil")
attempt("change a file that everybody may write", write, f"{home}/shared.txt", b"evil")
attempt("delete a key", os.unlink, f"{home}/.ssh/id_rsa")
attempt("rename the home", os.rename, home, f"{home}.gone")
attempt("make a link into the home", os.link, f"{home}/notes.txt", "notes.txt")
attempt("stat a private key", os.stat, f"{home}/.ssh/id_rsa", found="SEEN")
attempt("stat the home", os.stat, home, found="SEEN")
attempt("change a mode", changed, lambda path: os.chmod(path, 0o600), found="SEEN")
attempt("change a time", changed, lambda path: os.utime(path, (1, 1)), found="SEEN")
