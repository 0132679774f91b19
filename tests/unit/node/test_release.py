import os
import signal
import subprocess
import sys

from idlegrid_node.sandbox import release

HOLDS = "kept = bytes([1]) * (64 << 20)\nprint('up', flush=True)\nimport time\ntime.sleep(600)"


def resident_pages(pid):
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1])
    except FileNotFoundError:
        return 0


def test_memory_of_a_living_process_is_left_alone_and_that_of_a_killed_one_is_freed():
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            os.kill(process.pid, signal.SIGSTOP)
            release.free([process.pid])
            held = resident_pages(process.pid) * os.sysconf("SC_PAGE_SIZE")
            assert held >= 64 << 20
            release.kill([process.pid])
            release.free([process.pid])
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL
    assert resident_pages(process.pid) == 0


def test_a_process_that_is_gone_is_skipped():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    release.kill([ended.pid])
    release.free([ended.pid])
