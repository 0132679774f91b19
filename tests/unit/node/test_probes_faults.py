"""Each probe hung, failing and absent in turn, by real faults: what the node then says, and that it stays up.

A file that hangs is a pipe that nobody writes to, a service that hangs one that never replies.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import DESKTOP, Policy
from idlegrid_node.presence import Signs
from idlegrid_node.probes.battery import BatteryProbe
from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.cpu import CpuProbe
from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.exclusive import ExclusiveProbe
from idlegrid_node.probes.idle_detect import IdleDetectProbe
from idlegrid_node.probes.inhibitors import InhibitorsProbe
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.mutter import MutterProbe
from idlegrid_node.probes.panel import Panel
from idlegrid_node.probes.pressure import PressureProbe
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.sessions import SessionsProbe
from idlegrid_node.probes.terminals import TerminalsProbe
from idlegrid_node.probes.touched import InputFileProbe
from idlegrid_node.probes.watched import Probe
from idlegrid_node.probes.x11 import X11Probe

from ...displays import x_server
from .desktops import Desktop, desktop_on, own_bus

LEFT = Signs(4000.0, 1.0, on_battery=False, free_memory_pct=60.0)
PATIENCE_S = 45.0
COUNTED = replace(DESKTOP, start_after_s=100.0, busy_above_cpu_pressure_pct=99.0, busy_above_memory_pressure_pct=99.0)
INPUT = dict.fromkeys(
    ("idle_detect", "input file", "X11", "Mutter", "devices", "terminals", "sessions"), ("input_idle_s", 4000.0)
)
SIGNS = INPUT | {
    "cpu": ("other_cpu_pct", 1.0),
    "memory": ("free_memory_pct", 60.0),
    "battery": ("on_battery", 0.0),
    "exclusive": ("exclusive", 0.0),
    "inhibitors": ("inhibited", 0.0),
    "cpu pressure": ("cpu_pressure_pct", 0.0),
    "memory pressure": ("memory_pressure_pct", 0.0),
}
"""Of each probe, the sign that it is of, and what it answers on a machine that has been left."""


class Machine:
    """Where faults are made; all are mended at the end."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, bus_address: Callable[[], str]) -> None:
        self.folder = folder
        self.patch = patch
        self._bus_address = bus_address
        self._stack = ExitStack()
        self._pipes: list[Path] = []

    def without_answer(self, name: str) -> Path:
        """A file that whoever opens it waits for."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        self._pipes.append(path)
        return path

    def with_text(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def bus(self) -> Bus:
        bus = Bus()
        self._stack.callback(bus.close)
        return bus

    def desktop(self) -> Desktop:
        return self._stack.enter_context(desktop_on(self._bus_address()))

    def x11(self, *, hangs: bool = False) -> X11Probe:
        self.patch.delenv("WAYLAND_DISPLAY", raising=False)
        if hangs:
            server = self._stack.enter_context(x_server())
            server.hang()
            self.patch.setenv("DISPLAY", server.name)
        probe = X11Probe()
        self._stack.callback(probe.close)
        return probe

    def stuck(self) -> Probe:
        """A call into the kernel that never comes back, such as on a dead mount."""
        ours, theirs = os.pipe()
        self._stack.callback(os.close, theirs)

        def probe() -> Reading:
            os.read(ours, 1)
            os.close(ours)
            raise OSError("at last")

        return probe

    def mend(self) -> None:
        for path in self._pipes:
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        self._stack.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """A bus that is started when it is first needed."""
    with ExitStack() as stack:
        started: list[str] = []

        def get() -> str:
            if not started:
                started.append(stack.enter_context(own_bus(tmp_path_factory.mktemp("bus"))))
            return started[0]

        yield get


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: Callable[[], str]) -> Iterator[Machine]:
    machine = Machine(tmp_path, monkeypatch, address)
    try:
        yield machine
    finally:
        machine.mend()


Fault = Callable[[Machine], Probe]


def asking(kind: Callable[[Bus], Probe], **told: object) -> Fault:
    """A probe of services that tell this; see `Desktop.tells`."""

    def fault(machine: Machine) -> Probe:
        machine.desktop().tells(**told)
        return kind(machine.bus())

    return fault


def without_display(machine: Machine) -> Probe:
    machine.patch.delenv("DISPLAY", raising=False)
    return machine.x11()


def with_dead_display(machine: Machine) -> Probe:
    machine.patch.setenv("DISPLAY", ":7654")
    return machine.x11()


def with_device_that_hangs(machine: Machine) -> Probe:
    machine.with_text("event0", "")
    machine.without_answer("about/event0/device/capabilities/key")
    return DevicesProbe(machine.folder, machine.folder / "about")


def without_logins(machine: Machine) -> Probe:
    machine.patch.setattr(psutil, "users", list)
    return asking(SessionsProbe)(machine)


def reading(file: str, probe: Probe) -> Fault:
    """A probe that psutil answers, from a /proc in which this file hangs, or none is there for ""."""

    def fault(machine: Machine) -> Probe:
        machine.patch.setattr(psutil, "PROCFS_PATH", str(machine.folder if file else machine.folder / "none"))
        if file:
            machine.without_answer(file)
        return probe

    return fault


NONSENSE = ("s", "soon")
GAMES = ExclusiveProbe(["game"])
HUNG: dict[str, tuple[Fault, str]] = {
    "idle_detect": (lambda m: IdleDetectProbe(m.without_answer("shared")), "idle_detect does not answer"),
    "input file": (lambda m: m.stuck(), "input file does not answer"),
    "X11": (lambda m: m.x11(hangs=True), "does not answer"),
    "Mutter": (asking(MutterProbe, GetIdletime=None), "does not answer"),
    "devices": (with_device_that_hangs, "devices does not answer"),
    "terminals": (lambda m: m.stuck(), "terminals does not answer"),
    "sessions": (asking(SessionsProbe, ListSessions=None), "does not answer"),
    "cpu": (reading("stat", CpuProbe(lambda: 0.0)), "cpu does not answer"),
    "memory": (reading("meminfo", free_memory), "memory does not answer"),
    "battery": (lambda m: BatteryProbe(m.without_answer("BAT0/type").parents[1]), "battery does not answer"),
    "exclusive": (reading("1/comm", GAMES), "exclusive does not answer"),
    "inhibitors": (asking(InhibitorsProbe, ListInhibitors=None), "does not answer"),
    "cpu pressure": (lambda m: PressureProbe("cpu", m.without_answer("cpu").parent), "does not answer"),
    "memory pressure": (lambda m: PressureProbe("memory", m.without_answer("memory").parent), "does not answer"),
}
FAILING: dict[str, tuple[Fault, str]] = {
    "idle_detect": (lambda m: IdleDetectProbe(m.with_text("shared", "torn")), "torn"),
    "input file": (lambda m: InputFileProbe(str(m.folder / "none")), "No such file"),
    "X11": (with_dead_display, "no X display can be opened"),
    "Mutter": (asking(MutterProbe, GetIdletime=NONSENSE), "invalid literal"),
    "devices": (lambda m: DevicesProbe(m.with_text("input", "")), "Not a directory"),
    "terminals": (lambda m: TerminalsProbe(m.with_text("pts", "").parent), "Not a directory"),
    "sessions": (asking(SessionsProbe, ListSessions=NONSENSE), "sessions: "),
    "cpu": (reading("", CpuProbe(lambda: 0.0)), "No such file"),
    "memory": (reading("", free_memory), "No such file"),
    "battery": (lambda m: BatteryProbe(m.with_text("BAT0/type/a", "").parents[2]), "Is a directory"),
    "exclusive": (reading("", GAMES), "No such file"),
    "inhibitors": (asking(InhibitorsProbe, ListInhibitors=NONSENSE), "inhibitors of logind: "),
    "cpu pressure": (lambda m: PressureProbe("cpu", m.with_text("cpu", "none").parent), "some"),
    "memory pressure": (lambda m: PressureProbe("memory", m.with_text("memory/a", "").parents[1]), "Is a directory"),
}
ABSENT: dict[str, tuple[Fault, str]] = {
    "idle_detect": (lambda m: IdleDetectProbe(m.folder / "none"), "has not run"),
    "input file": (lambda _: InputFileProbe(""), "names no input_file"),
    "X11": (without_display, "no DISPLAY"),
    "Mutter": (asking(MutterProbe), "is not there"),
    "devices": (lambda m: DevicesProbe(m.folder / "none"), "no keyboard"),
    "terminals": (lambda m: TerminalsProbe(m.folder), "no terminal"),
    "sessions": (without_logins, "by utmp"),
    "battery": (lambda m: BatteryProbe(m.folder), "no battery"),
    "exclusive": (lambda _: ExclusiveProbe(()), "no program is named"),
    "inhibitors": (asking(InhibitorsProbe), "is not there"),
    "cpu pressure": (lambda m: PressureProbe("cpu", m.folder), "tells no pressure"),
    "memory pressure": (lambda m: PressureProbe("memory", m.folder), "tells no pressure"),
}
"""No machine is without CPU and memory."""


def answering(value: float) -> Probe:
    return lambda: Reading(value, "well", time.monotonic())


class Standing:
    """Where a node with this one faulty probe stands."""

    def __init__(self, name: str, probe: Probe) -> None:
        well = {other: answering(value) for other, (_, value) in SIGNS.items()}
        self.panel = Panel(COUNTED, lambda: 0.0, well | {name: probe})
        self._ladder = Ladder(COUNTED, time.monotonic())
        self._ladder.sandbox(time.monotonic(), works=True)

    def until(self, fits: Callable[[Position], bool]) -> Position:
        """Look until it fits: on a slow machine a sound probe may miss a look."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            position = self._ladder.look(self.panel.look(), time.monotonic())
            if fits(position):
                return position
            assert time.monotonic() < deadline, f"{position}: {self.panel.readings()}"


@pytest.fixture
def standing(machine: Machine) -> Iterator[Callable[[str, Fault], Standing]]:
    with ExitStack() as stack:

        def make(name: str, fault: Fault) -> Standing:
            standing = Standing(name, fault(machine))
            stack.callback(standing.panel.close)
            return standing

        yield make


def cases(faults: dict[str, tuple[Fault, str]], kind: str) -> list[object]:
    return [pytest.param(name, fault, why, id=f"{name} {kind}") for name, (fault, why) in faults.items()]


@pytest.mark.parametrize(("name", "fault", "why"), cases(HUNG, "hung") + cases(FAILING, "failing"))
def test_a_probe_that_does_not_answer_makes_the_node_unknown_with_its_sign_and_its_reason(standing, name, fault, why):
    node = standing(name, fault)
    position = node.until(lambda position: why in position.why)
    assert (position.state, position.reason, position.signal) == (State.UNKNOWN, "probe_unknown", SIGNS[name][0])
    assert node.panel.readings()[name].broken


@pytest.mark.parametrize(("name", "fault", "why"), cases(ABSENT, "absent"))
def test_what_the_machine_does_not_have_is_not_missed(standing, name, fault, why):
    node = standing(name, fault)
    position = node.until(lambda position: position.state is State.IDLE and node.panel.readings()[name].absent)
    assert position.reason == "owner_away"
    assert why in node.panel.readings()[name].why


def test_every_probe_of_the_panel_is_broken_here():
    panel = Panel(COUNTED, lambda: 0.0)
    try:
        panel.look()
        assert set(panel.readings()) - {"input"} == set(HUNG) == set(FAILING) == set(SIGNS)
        assert set(SIGNS) - set(ABSENT) == {"cpu", "memory"}
    finally:
        panel.close()


def test_a_service_that_answers_again_is_believed_again(machine, standing):
    desktop = machine.desktop()
    desktop.tells(ListInhibitors=None)
    node = standing("inhibitors", lambda machine: InhibitorsProbe(machine.bus()))
    node.until(lambda position: position.signal == "inhibited")
    desktop.tells(ListInhibitors=("a(ssssuu)", []))
    assert node.until(lambda position: position.state is State.IDLE).reason == "owner_away"


@pytest.mark.parametrize("name", ["inhibitors", "battery", "cpu pressure", "memory pressure"])
def test_a_broken_probe_of_what_the_policy_does_not_count_is_not_missed(machine, name):
    uncounted = replace(DESKTOP, inhibitors_count=False, stop_on_battery=False)
    sign, _ = SIGNS[name]
    signs = replace(LEFT, faults={sign: "does not answer"})
    assert left_alone(uncounted, signs).state is State.IDLE
    assert left_alone(COUNTED, signs).why == "does not answer"


def test_without_any_signal_of_input_the_node_is_unknown_unless_the_owner_says_that_there_is_none():
    signs = replace(LEFT, input_idle_s=None, faults={"input_idle_s": "no signal tells"})
    position = left_alone(COUNTED, signs)
    assert (position.state, position.signal, position.why) == (State.UNKNOWN, "input_idle_s", "no signal tells")
    assert left_alone(replace(COUNTED, input="not_applicable"), signs).state is State.IDLE


def test_closed_hours_without_a_clock_are_unknown_and_without_hours_no_clock_is_missed():
    assert left_alone(replace(COUNTED, closed_days="Mon-Fri"), LEFT) == Position(State.UNKNOWN, "probe_unknown")
    assert left_alone(COUNTED, LEFT).state is State.IDLE


def left_alone(policy: Policy, signs: Signs) -> Position:
    ladder = Ladder(policy, 0.0)
    ladder.sandbox(0.0, works=True)
    return ladder.look(signs, 0.0)
