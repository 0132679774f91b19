"""Fill every folder that may be written."""

import os

from tries import GIVEN, attempt

MIB = 2**20
FAR_TOO_MUCH_MIB = 512


def fill(folder):
    path, block = os.path.join(folder, f"{GIVEN['mark']}.filler"), b"x" * MIB
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(FAR_TOO_MUCH_MIB):
                if file.write(block) < MIB:
                    return None
        return f"{FAR_TOO_MUCH_MIB} MiB in {folder}"
    finally:
        if os.path.exists(path):
            os.unlink(path)


for folder in ("/", "/dev", "/usr", "/usr/local", "/etc", "/proc", "/var/tmp", "/run", "/dev/shm", "/tmp", "."):
    attempt(folder, fill, folder)
