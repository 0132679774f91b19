"""Look for the node's token in every place where a process keeps what it was given."""

import os

from tries import GIVEN, attempt, read

token = GIVEN["nekot"][::-1].encode()  # given backwards: else the parameters themselves would be the leak
LARGEST_REGION = 64 * 2**20


def in_own_environment():
    return [name for name, value in os.environb.items() if token in value or b"hunter2" in value]


def everywhere(name):
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if token in read(f"/proc/{number}/{name}", 2**20):
                found.append(number)
        except OSError:
            continue
    return found


def in_memory(number):
    with open(f"/proc/{number}/maps") as maps, open(f"/proc/{number}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if " rw" not in line or end - start > LARGEST_REGION:
                continue
            try:
                memory.seek(start)
                if token in memory.read(end - start):
                    return line
            except (OSError, OverflowError):
                continue
    return None


attempt("os.environ", in_own_environment)
attempt("environ of all processes", everywhere, "environ")
attempt("cmdline of all processes", everywhere, "cmdline")
attempt("memory of the first process", in_memory, 1)
attempt("memory of the parent", in_memory, os.getppid())
attempt("memory of the node", in_memory, GIVEN["node_pid"])
attempt("environ of the node", read, f"/proc/{GIVEN['node_pid']}/environ")
attempt("working folder of the node", os.listdir, f"/proc/{GIVEN['node_pid']}/cwd")
attempt("root folder of the node", os.listdir, f"/proc/{GIVEN['node_pid']}/root")
attempt("processes", lambda: sum(map(str.isdigit, os.listdir("/proc"))), found="HELD")
