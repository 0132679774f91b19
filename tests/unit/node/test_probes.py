import struct
import threading
import time

import pytest

from idlegrid_node.probes import input as signals
from idlegrid_node.probes.cpu import CpuProbe, Ticks, share
from idlegrid_node.probes.input import InputProbe, file_age, latest
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.reading import AbsentError, Reading
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
    told = {"files": InputProbe(str(tmp_path / "touched"), logins=False)(), "X11": Reading(500.0, "X11", NOW)}
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
    files = {"files": Reading(500.0, "terminals", NOW)}
    unseen = latest(files, desktop="2", watches_console=False)
    assert (unseen.value, unseen.why) == (None, "no signal sees the desktop of session 2")
    assert latest(files, desktop="2", watches_console=True).value is not None


def test_without_any_signal_the_input_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(signals, "SHARED", tmp_path / "none")
    with pytest.raises(AbsentError):
        InputProbe(logins=False)()


@pytest.mark.parametrize(
    ("updated", "active", "idle"), [(990, 700, 300.0), (930, 700, None), (1011, 700, None), (1009, 1005, 0.0)]
)
def test_the_idle_detect_service_is_believed_only_while_it_is_fresh(tmp_path, monkeypatch, updated, active, idle):
    path = tmp_path / "shared"
    path.write_bytes(struct.pack("<qq", updated, active))
    monkeypatch.setattr(signals, "SHARED", path)
    assert signals.idle_detect(1000.0) == idle


def test_a_torn_file_of_the_service_is_ignored(tmp_path, monkeypatch):
    path = tmp_path / "shared"
    path.write_bytes(b"123")
    monkeypatch.setattr(signals, "SHARED", path)
    assert signals.idle_detect(1000.0) is None


def test_a_file_from_the_future_is_an_input_now(tmp_path):
    path = tmp_path / "touched"
    path.touch()
    assert file_age(path, 0.0) == 0.0
    assert file_age(tmp_path / "none", 0.0) is None
