"""Stopping the processes below another one from outside."""

import os
import signal
import subprocess
import sys

import psutil

from idlegrid_node.sandbox.meter import stop_below

WAKES_THE_OTHERS = """\
import os, signal, time
for _ in range(4):
    if not os.fork():
        os.write(1, b'up\\n')
        while True:
            os.killpg(0, signal.SIGCONT)
time.sleep(600)
"""


def test_processes_that_wake_each_other_are_stopped_all_the_same(eventually):
    command = [sys.executable, "-c", WAKES_THE_OTHERS]
    root = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    try:
        for _ in range(4):
            assert root.stdout.readline() == b"up\n"
        assert stop_below(root.pid)
        below = psutil.Process(root.pid).children()
        eventually(lambda: all(one.status() == psutil.STATUS_STOPPED for one in below), "all of them stand")
        assert (len(below), psutil.Process(root.pid).status()) == (4, psutil.STATUS_SLEEPING)
        assert stop_below(root.pid)
    finally:
        os.killpg(root.pid, signal.SIGKILL)
        root.wait()
        root.stdout.close()


def test_where_there_is_nothing_all_stand():
    with subprocess.Popen([sys.executable, "-c", ""]) as alone:
        assert stop_below(alone.pid)
    assert stop_below(alone.pid)
