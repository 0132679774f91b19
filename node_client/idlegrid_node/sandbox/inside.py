"""The program that runs inside a sandbox: a small supervisor, and its child (`child.py`) that runs the code.

It is handed to the interpreter by `program.py`, so that no file of the node has to be visible inside. Every
import costs start time: nothing here may import `json`, `signal` or `threading`.

Arguments: the descriptors of `report` and `control`, a limit in bytes for a folder that has none of its own
(else 0), the folder of more packages (or empty), and the modules to import beforehand, separated by commas.
The child imports them, says `ready`, and waits for its job on stdin.
On `control` come single bytes as orders: `s` stops all processes, `c` continues them; `l` tells them to leave, which
lets them go on, too; `t` says that the checkpoint was taken, `n` that it was not. Its end means that the node is gone.
On `report` go lines: `ready`, `begun`, `stopped`, `continued`, `leaving`, `full` (more disk than allowed), and
`exit WAITSTATUS CPU_SECONDS MAX_RSS_KB`. Then come the files that the code left in `./out`, each as
`file SIZE LENGTH_OF_NAME`, its name and its bytes; then `end LEFT_OUT`, which is the last line.
A checkpoint is `checkpoint`, its files in the same form but in pieces (`piece LENGTH` and so many bytes), between which
other lines may come, and `whole`, or `unfit WHY` when it may not be taken. Once code that was told to leave has ended,
its last one comes, in place of the files in `./out`.
"""

import _signal  # type: ignore[import-not-found] # what `signal` is made of, without its enums
import _thread
import os
import sys
import time

from idlegrid_node.sandbox.child import PR_SET_DUMPABLE, become_the_code, prctl, prepare
from idlegrid_node.sandbox.collect import collect
from idlegrid_node.sandbox.keeper import Keeper, Report

DISK_SECONDS = 0.2
ORDERS = {b"s": (_signal.SIGSTOP, b"stopped\n"), b"c": (_signal.SIGCONT, b"continued\n")}


class Place:
    """Where the sandbox stands: here in namespaces of its own. `confine.py` has those without."""

    child = 0

    def __init__(self) -> None:
        self.running = _thread.allocate_lock()
        self.leaving = _thread.allocate_lock()

    def enter(self) -> None:
        """What the supervisor does before its child exists."""

    def shut(self) -> None:
        """What the child does before it takes the job: after it nothing may be open to it."""

    def signal_all(self, number: int) -> None:
        """Send a signal to everything but this process.

        As the first process of a PID namespace `kill(-1)` reaches exactly the sandbox, atomically. Anywhere
        else it would reach the owner's own processes.
        """
        if os.getpid() != 1:
            os._exit(72)
        try:  # noqa: SIM105 - contextlib costs a millisecond of each start
            os.kill(-1, number)
        except ProcessLookupError:
            pass

    def disk_used(self) -> float:
        """Return the bytes that the code takes in a folder without a size of its own; 0: it has one."""
        return 0

    def before_collecting(self) -> None:
        """What the supervisor does before it opens files that the code made."""

    def leave(self) -> None:
        """What the supervisor does last."""

    def depart(self) -> None:
        """Leave, in one of our threads alone: the other waits here until the process ends."""
        self.leaving.acquire()
        self.leave()


def obey(report: Report, control: int, place: Place, keeper: Keeper) -> None:
    """Carry out orders until their end, which is also the end of everything."""
    while True:
        order = os.read(control, 1)
        if not order:
            place.signal_all(_signal.SIGKILL)
            reap()
            place.depart()
            os._exit(71)
        if place.running.acquire(False):
            if order in ORDERS:
                number, answer = ORDERS[order]
                keeper.stand(still=order == b"s")
                place.signal_all(number)
                report.say(answer)
            elif order == b"l":
                show_the_door(report, place, keeper)
            else:
                keeper.decide(taken=order == b"t")
            place.running.release()


def show_the_door(report: Report, place: Place, keeper: Keeper) -> None:
    """Tell everything that runs to leave, and let it go on to that end."""
    keeper.tell_to_leave()
    place.signal_all(_signal.SIGTERM)
    keeper.stand(still=False)
    place.signal_all(_signal.SIGCONT)
    report.say(b"leaving\n")


def follow(child: int, place: Place) -> "tuple[int, float, int]":
    """Reap everything until the child itself has ended; returns its status, CPU seconds and peak memory (KB)."""
    cpu, peak = 0.0, 0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:  # the other thread, which ends everything, was quicker
            place.depart()
            os._exit(71)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        # A child that asked to be traced is also reported when it stops.
        if pid == child and not os.WIFSTOPPED(status):
            return status, cpu, peak


def supervise(report: Report, child: int, place: Place, keeper: Keeper) -> None:
    """Wait until the child has ended; then end the rest, say how it went, and leave."""
    status, cpu, peak = follow(child, place)
    # Held from here on: an order's answer in the middle of a file would be taken for a part of it.
    place.running.acquire()
    report.seize()
    place.signal_all(_signal.SIGKILL)
    tell(report, b"exit %d %.6f %d\n" % (status, cpu, peak))
    left_out = finish(report, place, keeper)
    place.depart()
    tell(report, b"end %d\n" % left_out)
    os._exit(0)


def tell(report: Report, line: bytes) -> None:
    """Say something, with the turn in hand, though perhaps nobody listens any more."""
    try:  # noqa: SIM105 - contextlib costs a millisecond of each start
        report.write(line)
    except BrokenPipeError:
        pass


def finish(report: Report, place: Place, keeper: Keeper) -> int:
    """Send the files, or the last checkpoint of code that was told to leave; returns how many were left out."""
    reap()
    if not keeper.told and not os.path.lexists("out"):
        return 0
    place.before_collecting()
    try:
        if not keeper.told:
            return collect(report.write)
        keeper.take_last()
    except BrokenPipeError:
        pass
    return 0


def reap() -> None:
    """Wait until no process is left: what still runs could change a file while it is read."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def watch_disk(report: Report, place: Place, limit: int) -> None:
    """Tell when the code takes more disk than it may, where no file system of its own bounds it."""
    while place.disk_used() <= limit:
        time.sleep(DISK_SECONDS)
    report.say(b"full\n")


def warm_up() -> None:
    """Do now what the first program compiled would have to wait for: 2 ms for the types of the syntax tree."""
    compile("pass", "", "exec")


def main(place: Place, library: str) -> None:
    """Start the child that waits for the job, and watch over it. `library` is what it may import of ours."""
    report, control, disk = (int(word) for word in sys.argv[1:4])
    packages, preload = sys.argv[4:6]
    # The code must not reach our descriptors through /proc/1/fd: it could answer orders in our name.
    prctl(PR_SET_DUMPABLE, 0)
    place.enter()
    warm_up()
    keeper = Keeper(Report(report))
    child = os.fork()
    if not child:
        os.close(control)
        keeper.forget()
        prepare(packages, preload, library)
        place.shut()
        become_the_code(report)
    place.child = child
    watch_over(keeper, control, disk, place)


def watch_over(keeper: Keeper, control: int, disk: int, place: Place) -> None:
    """Follow the child to its end, in this thread; listen to the node, and to the code, in others."""
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the code may not end its supervisor
    for fd in (0, 1, 2):
        os.close(fd)
    _thread.start_new_thread(obey, (keeper.report, control, place, keeper))
    _thread.start_new_thread(keeper.serve, (place.before_collecting,))
    if disk:
        _thread.start_new_thread(watch_disk, (keeper.report, place, disk))
    supervise(keeper.report, place.child, place, keeper)
