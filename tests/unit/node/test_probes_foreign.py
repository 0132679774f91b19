"""The probes of macOS and Windows, with answers written from their documents (`recorded/README.md`)."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from idlegrid_node.policy import DESKTOP
from idlegrid_node.probes.macos import AssertionsProbe, Confirmed, HidProbe, SessionProbe, hid_idle_s, holders, printed
from idlegrid_node.probes.platforms import kit
from idlegrid_node.probes.reading import AbsentError
from idlegrid_node.probes.windows import DisplayProbe, LastInputProbe, OtherSessionsProbe, others, since
from idlegrid_node.probes.windows_calls import Session, SessionInfo, session_of

RECORDED = Path(__file__).parent / "recorded"
FILETIME_S = 10_000_000


def recorded(name):
    return lambda _command=(): (RECORDED / name).read_text("utf-8")


def test_macos_counts_nanoseconds_since_the_last_input():
    assert hid_idle_s(recorded("ioreg.txt")()) == pytest.approx(300.0215)
    assert HidProbe(recorded("ioreg.txt"))().value == pytest.approx(300.0215)


def test_devices_that_are_not_there_yet_are_a_fault():
    with pytest.raises(ValueError, match="no HIDIdleTime"):
        hid_idle_s("+-o IOHIDSystem\n")
    with pytest.raises(OSError, match="none"):
        printed(("/none/ioreg",))
    with pytest.raises(OSError, match="exit status 1"):
        printed((sys.executable, "-c", "raise SystemExit(1)"))


def test_a_film_on_macos_keeps_the_display_on_and_powerd_does_not():
    assert holders(recorded("pmset-film.txt")()) == ["Google Chrome"]
    assert AssertionsProbe(recorded("pmset-film.txt"))().value == 1.0
    assert AssertionsProbe(recorded("pmset-idle.txt"))().value == 0.0
    with pytest.raises(ValueError, match="PreventUserIdleDisplaySleep"):
        holders("pmset: usage")


def test_one_reset_of_the_session_alone_is_nobody_and_a_second_one_soon_is_somebody_far_away():
    confirmed = Confirmed()
    assert confirmed.feed(900.0, 900.0, 1000.0) == 900.0
    assert confirmed.feed(0.0, 905.0, 1005.0) == 905.0, "one reset, at 1005"
    assert confirmed.feed(5.0, 910.0, 1010.0) == 910.0, "the same one"
    assert confirmed.feed(0.0, 1000.0, 1100.0) == 1000.0, "another, too late to confirm it"
    assert confirmed.feed(0.5, 1003.0, 1103.0) == 0.5, "one that confirms"
    assert confirmed.feed(0.0, 1005.0, 1105.0) == 0.0


def test_a_reset_that_the_devices_tell_of_too_counts_at_once():
    confirmed = Confirmed()
    confirmed.feed(900.0, 900.0, 1000.0)
    assert confirmed.feed(0.0, 0.2, 1005.0) == 0.0


def test_somebody_far_away_who_goes_on_typing_is_seen_at_any_pace():
    confirmed = Confirmed()
    confirmed.feed(900.0, 900.0, 1000.0)
    idle = [confirmed.feed(0.0, 900.0 + step, 1000.0 + step) for step in (0.5, 1.0, 1.5, 2.0, 2.5)]
    assert min(idle[2:]) < 1.5


def test_a_daemon_of_macos_has_no_session_to_ask():
    hid = HidProbe(recorded("ioreg.txt"))
    probe = SessionProbe(hid, lambda: "12.5")
    with pytest.raises(AbsentError, match="compare"):
        probe()
    hid()
    assert probe().value == pytest.approx(12.5, abs=1e-3)


def test_the_ticks_of_windows_begin_anew_after_49_days():
    assert since(1_000, 61_000) == 60.0
    assert since(2**32 - 1_000, 2_000) == 3.0
    assert since(2_000, 1_990) == 0.0


def test_a_service_of_windows_sees_no_input_and_says_so():
    assert LastInputProbe(lambda: 1, lambda: (1_000, 5_000))().value == 4.0
    with pytest.raises(OSError, match=r"session 0.*start the node in the owner's session"):
        LastInputProbe(lambda: 0, lambda: (1_000, 5_000))()


def answered(number, state, last_input, now):
    info = SessionInfo(level=1, id=number, state=state, last_input_time=last_input, current_time=now)
    return session_of(bytes(info))


def test_the_layout_of_a_session_is_that_of_wtsapi32():
    offsets = {name: getattr(SessionInfo, name).offset for name in ("id", "flags", "logon_time", "current_time")}
    assert offsets == {"id": 8, "flags": 16, "logon_time": 168, "current_time": 200}
    assert ctypes.sizeof(SessionInfo) == 232
    now = 134_000_000_000 * FILETIME_S
    assert answered(3, 0, now - 90 * FILETIME_S, now) == Session(3, True, 90.0)
    assert answered(3, 4, 0, now) == Session(3, False, None)
    with pytest.raises(ValueError, match="small"):
        session_of(b"short")


def test_another_session_in_use_that_does_not_tell_is_in_use_now():
    service, own = Session(0, True, None), Session(1, True, None)
    assert others([service, own], own=1) is None
    assert others([own, Session(2, False, None)], own=1) is None
    assert others([own, Session(2, True, 40.0), Session(3, True, None)], own=1) == 0.0
    assert OtherSessionsProbe(lambda: 1, lambda: [own, Session(2, True, 40.0)])().value == 40.0
    with pytest.raises(AbsentError):
        OtherSessionsProbe(lambda: 1, lambda: [own])()


def test_a_film_on_windows_wants_the_display():
    assert DisplayProbe(lambda: 0x3)().value == 1.0
    assert DisplayProbe(lambda: 0x1)().value == 0.0


@pytest.mark.parametrize("platform", ["darwin", "win32", "linux"])
def test_each_platform_has_its_probes(platform):
    probes = kit(DESKTOP, platform)
    assert probes.input
    assert probes.unseen({}) == ""
    probes.close()


def test_nothing_of_other_platforms_is_imported_here():
    code = (
        "import sys, idlegrid_node.agent, idlegrid_node.probes.panel as p; from idlegrid_node.policy import DESKTOP\n"
    )
    code += "p.Panel(DESKTOP, float).close(); print([m for m in sys.modules if 'windows' in m or 'macos' in m])"
    seen = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert seen.stdout == "[]\n"
