"""Files that claim more than there is."""

import os

from tries import attempt

TIB = 2**40


def truncated(folder):
    with open(f"{folder}/sparse", "wb") as file:
        file.truncate(TIB)
    return "1 TiB"


def allocated():
    with open("allocated", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, TIB)
    return "1 TiB"


def sought():
    with open("sought", "wb", buffering=0) as file:
        file.seek(TIB)
        return file.write(b"x") and "1 TiB"


attempt("truncate", truncated, ".")
attempt("truncate in shared memory", truncated, "/dev/shm")
attempt("fallocate", allocated)
attempt("seek and write", sought)
