"""The probes that ask D-Bus services, on a bus of their own with stand-ins for the services."""

import os
import pty
import time
from collections.abc import Iterator

import pytest

from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.inhibitors import InhibitorsProbe
from idlegrid_node.probes.mutter import MutterProbe
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.sessions import SessionsProbe
from idlegrid_node.probes.watched import Probe, Watched

from .desktops import Desktop, desktop_on, own_bus

PATIENCE_S = 45.0
FILM = ("a(ssssuu)", [["sleep:idle", "film player", "a film", "block", 1000, 4_000_000]])
BACKUP = ("a(ssssuu)", [["idle", "clock", "", "delay", 0, 4_000_000], ["shutdown", "backup", "", "block", 0, 1]])
NOBODY = ("a(ssssuu)", [])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_bus(tmp_path_factory.mktemp("bus")) as address:
        yield address


@pytest.fixture
def desktop(address: str) -> Iterator[Desktop]:
    with desktop_on(address) as desktop:
        yield desktop


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    try:
        yield bus
    finally:
        bus.close()


def settled(probe: Probe, why: str) -> Reading:
    """What the probe answers, once its reason has `why` in it: a slow machine may miss some looks."""
    watched, deadline = Watched("probe", probe), time.monotonic() + PATIENCE_S
    try:
        while True:
            watched.ask()
            reading = watched.answer(deadline)
            if why in reading.why:
                return reading
            assert time.monotonic() < deadline, f"{why!r} in {reading}"
    finally:
        watched.close()


def test_mutter_tells_when_the_last_input_was(desktop, bus):
    desktop.tells(GetIdletime=("t", 90_500))
    assert settled(MutterProbe(bus), "Mutter").value == 90.5


def test_a_mutter_that_hangs_is_no_answer_and_does_not_hold_up_logind(desktop, bus):
    desktop.tells(GetIdletime=None, ListInhibitors=FILM)
    assert settled(InhibitorsProbe(bus), "film player").value == 1.0
    stuck = settled(MutterProbe(bus), "does not answer")
    assert stuck.broken
    desktop.tells(GetIdletime=("t", 1000))
    assert settled(MutterProbe(bus), "Mutter").value == 1.0


def test_a_mutter_that_answers_nonsense_cannot_tell(desktop, bus):
    desktop.tells(GetIdletime=("s", "soon"))
    assert settled(MutterProbe(bus), "invalid literal").broken


def test_a_desktop_without_mutter_is_not_a_fault(desktop, bus):
    desktop.tells(ListInhibitors=NOBODY)
    assert settled(MutterProbe(bus), "org.gnome.Mutter.IdleMonitor is not there").absent


def test_a_film_is_use_and_what_only_delays_or_forbids_to_shut_down_is_not(desktop, bus):
    desktop.tells(ListInhibitors=FILM)
    assert settled(InhibitorsProbe(bus), "kept awake by film player").value == 1.0
    desktop.tells(ListInhibitors=BACKUP)
    assert settled(InhibitorsProbe(bus), "nothing keeps").value == 0.0


def test_an_inhibitor_of_our_own_does_not_count(desktop, bus):
    ours = [["idle", "node", "", "block", 0, os.getpid()]]
    desktop.tells(ListInhibitors=("a(ssssuu)", ours))
    assert settled(InhibitorsProbe(bus), "nothing keeps").value == 0.0


@pytest.mark.parametrize("method", ["IsInhibited", "HasInhibit"])
def test_desktops_tell_of_films_that_logind_does_not_know(desktop, bus, method):
    desktop.tells(ListInhibitors=NOBODY, **{method: ("b", True)})
    assert settled(InhibitorsProbe(bus), "kept awake by org.").value == 1.0


def test_inhibitors_cannot_be_told_while_logind_hangs_and_are_none_without_it(desktop, bus):
    desktop.tells(ListInhibitors=None)
    assert settled(InhibitorsProbe(bus), "logind: does not answer").broken
    desktop.tells()
    assert settled(InhibitorsProbe(bus), "org.freedesktop.login1 is not there").absent


def test_a_bus_that_is_not_there_is_not_a_fault(desktop, bus, monkeypatch, tmp_path):
    desktop.tells(IsInhibited=("b", True))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    assert settled(InhibitorsProbe(bus), "org.gnome.SessionManager").value == 1.0
    assert "by utmp" in settled(SessionsProbe(bus), "utmp").why
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    assert settled(MutterProbe(bus), "no D-Bus").absent


def test_a_dead_child_is_a_fault_with_its_reason(desktop):
    bus = Bus("idlegrid_node.probes.none")
    assert settled(MutterProbe(bus), "its process has ended").broken


def test_a_session_counts_by_its_terminal(desktop, bus):
    ours, theirs = pty.openpty()
    try:
        desktop.has_sessions(s1={"TTY": os.ttyname(theirs).removeprefix("/dev/")})
        then = time.time() - 1000
        os.utime(os.ttyname(theirs), (then, then))
        old = settled(SessionsProbe(bus), "sessions by logind").value
        os.utime(os.ttyname(theirs))
        new = settled(SessionsProbe(bus), "sessions by logind").value
        assert old is not None
        assert new is not None
        assert new < 900 <= old
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_remote_session_without_a_terminal_is_in_use_until_it_closes(desktop, bus):
    desktop.has_sessions(s7={"Remote": True})
    assert settled(SessionsProbe(bus), "remote session s7").value == 0.0
    desktop.has_sessions(s7={"Remote": True, "State": "closing"}, c1={"Class": "greeter", "Type": "wayland"})
    assert settled(SessionsProbe(bus), "by logind").absent


def test_a_graphical_session_is_named_for_the_other_signals_to_see(desktop, bus):
    desktop.has_sessions(s2={"Type": "wayland", "TTY": "tty2"})
    probe = SessionsProbe(bus)
    assert settled(probe, "by logind").absent
    assert probe.desktop == "s2"


def test_without_logind_the_logins_are_those_of_utmp(desktop, bus):
    desktop.tells(GetIdletime=("t", 1))
    assert "by utmp" in settled(SessionsProbe(bus), "utmp").why
