import struct
import threading
import time

import pytest

from idlegrid_node.probes.battery import drains
from idlegrid_node.probes.cpu import CpuProbe, Ticks, share
from idlegrid_node.probes.idle_detect import published_idle_s
from idlegrid_node.probes.input import latest
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.reading import AbsentError, Reading
from idlegrid_node.probes.touched import InputFileProbe, file_age
from idlegrid_node.probes.watched import Watched

NOW = time.monotonic()


def test_our_own_runs_do_not_count_as_the_owners_load():
    assert share(Ticks(10, 0, 100), Ticks(60, 50, 200)) == 0.0
    assert share(Ticks(10, 0, 100), Ticks(60, 25, 200)) == 25.0
    assert share(Ticks(10, 0, 100), Ticks(10, 5, 200)) == 0.0
    assert share(Ticks(10, 0, 100), Ticks(10, 0, 100)) == 0.0


def test_the_cpu_probe_answers_a_share():
    reading = CpuProbe(lambda: 0.0)()
    assert reading.value is not None
    assert 0 <= reading.value <= 100


def test_the_memory_probe_answers_a_share():
    value = free_memory().value
    assert value is not None
    assert 0 < value <= 100


def test_a_probe_that_hangs_cannot_tell_and_is_not_started_twice():
    release, calls = threading.Event(), []

    def hanging() -> Reading:
        calls.append(1)
        release.wait(10)
        return Reading(1.0, "late", time.monotonic())

    probe = Watched("stuck", hanging)
    for _ in range(3):
        probe.ask()
        assert probe.answer(time.monotonic() + 0.02).value is None
    release.set()
    assert probe.answer(time.monotonic() + 5).value == 1.0
    assert len(calls) == 1
    probe.close()


def test_a_probe_that_fails_cannot_tell():
    def failing() -> Reading:
        raise OSError("gone")

    probe = Watched("broken", failing)
    probe.ask()
    assert probe.answer(time.monotonic() + 5).why == "broken: gone"
    probe.close()


def test_the_latest_input_of_any_signal_counts(tmp_path):
    (tmp_path / "touched").touch()
    told = {"file": InputFileProbe(str(tmp_path / "touched"))(), "X11": Reading(500.0, "X11", NOW)}
    reading = latest(told)
    assert reading.why == "input file"
    assert reading.value is not None
    assert reading.value < 100


def test_a_signal_that_does_not_answer_makes_the_input_unknown_and_one_that_is_not_there_does_not():
    files, gone = Reading(500.0, "terminals", NOW), Reading(None, "no DISPLAY is set", NOW, absent=True)
    assert latest({"files": files, "X11": gone}).value is not None
    stuck = latest({"files": files, "X11": Reading(None, "X11 does not answer", NOW)})
    assert (stuck.value, stuck.why) == (None, "X11 does not answer")
    assert latest({"X11": gone}).value is None


def test_a_desktop_that_no_signal_sees_makes_the_input_unknown():
    terminals = {"terminals": Reading(500.0, "terminals", NOW)}
    unseen = latest(terminals, unseen="no signal sees the desktop of session 2")
    assert (unseen.value, unseen.why) == (None, "no signal sees the desktop of session 2")
    assert latest(terminals).value is not None


@pytest.mark.parametrize(("updated", "active", "idle"), [(990, 700, 300.0), (1009, 1005, 0.0)])
def test_the_idle_detect_service_is_believed_while_it_is_fresh(updated, active, idle):
    assert published_idle_s(struct.pack("<qq", updated, active), 1000.0) == idle


@pytest.mark.parametrize("updated", [930, 1011])
def test_an_idle_detect_service_that_looks_no_more_is_a_fault_and_not_absent(updated):
    with pytest.raises(OSError, match=r"last looked -?[0-9]+ s ago"):
        published_idle_s(struct.pack("<qq", updated, 700), 1000.0)


def test_a_file_from_the_future_is_an_input_now(tmp_path):
    path = tmp_path / "touched"
    path.touch()
    assert file_age(path, 0.0) == 0.0


def supply(kind, **told):
    return {"type": kind} | told


@pytest.mark.parametrize(
    ("supplies", "drained"),
    [
        ([supply("Mains", online="0"), supply("Battery", status="Discharging")], True),
        ([supply("Mains", online="1"), supply("Battery", status="Not charging")], False),
        ([supply("USB", online="1"), supply("Mains", online="0"), supply("Battery", status="Charging")], False),
        ([supply("Battery", status="Discharging")], True),
        ([supply("Battery", status="Full")], False),
        ([supply("Mains", online="0"), supply("Battery", status="Unknown")], True),
    ],
)
def test_a_battery_is_used_where_no_charger_is_plugged_in(supplies, drained):
    assert drains(supplies) == drained


def test_a_mouse_with_a_battery_makes_no_laptop():
    mouse = supply("Battery", scope="Device", status="Discharging")
    with pytest.raises(AbsentError, match="no battery"):
        drains([mouse])
    assert not drains([mouse, supply("Mains", online="1"), supply("Battery", status="Full")])


def test_a_battery_that_does_not_tell_is_a_fault():
    with pytest.raises(OSError, match="does not tell"):
        drains([supply("Battery", status="Unknown")])
