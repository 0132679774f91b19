"""The panel with probes that hang, fail, or have nothing to ask."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from idlegrid_node.ladder import Signs
from idlegrid_node.policy import DESKTOP
from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.linux import LinuxKit
from idlegrid_node.probes.panel import MISSES, SIGNS, Panel
from idlegrid_node.probes.reading import AbsentError, Reading
from idlegrid_node.probes.watched import Probe

INPUT = ("idle_detect", "input file", "X11", "Mutter", "devices", "terminals", "sessions")
FIELDS = {name: sign for name, sign in SIGNS.items() if name != "input"} | dict.fromkeys(INPUT, "input_idle_s")


def well() -> Reading:
    return Reading(7.0, "well", time.monotonic())


def failing() -> Reading:
    raise KeyError("gone")


def absent() -> Reading:
    raise AbsentError("no such thing")


@contextmanager
def panel_with(**faults: Probe) -> Iterator[Panel]:
    panel = Panel(DESKTOP, lambda: 0.0, dict.fromkeys(FIELDS, well) | faults)
    try:
        yield panel
    finally:
        panel.close()


def looked(panel: Panel, fits: Callable[[Mapping[str, Reading]], bool]) -> Signs:
    """What the panel sees, once the readings fit: on a slow machine a sound probe may miss a look."""
    deadline = time.monotonic() + 45.0
    while True:
        signs = panel.look()
        if fits(panel.readings()):
            return signs
        assert time.monotonic() < deadline, panel.readings()


@pytest.mark.parametrize("name", ["X11", "cpu", "battery"])
def test_a_probe_that_fails_is_unknown_with_its_reason_and_no_other_is(name):
    with panel_with(**{name: failing}) as panel:
        expected = {name, "input"} if name in INPUT else {name}
        signs = looked(panel, lambda seen: {key for key, reading in seen.items() if reading.broken} == expected)
        assert getattr(signs, FIELDS[name]) is None
        assert signs.faults == {FIELDS[name]: f"{name}: 'gone'"}


@pytest.mark.parametrize("name", ["inhibitors", "exclusive", "battery"])
def test_what_is_not_there_is_not_so(name):
    with panel_with(**{name: absent}) as panel:
        assert getattr(looked(panel, lambda seen: seen[name].absent), FIELDS[name]) is False


@pytest.mark.parametrize("name", INPUT[:1])
def test_an_input_signal_that_is_not_there_leaves_it_to_the_others(name):
    with panel_with(**{name: absent}) as panel:
        idle = looked(panel, lambda seen: seen[name].absent and seen["input"].value is not None).input_idle_s
        assert idle is not None
        assert idle >= 7.0


def test_probes_that_hang_for_good_are_unknown_and_the_panel_goes_on():
    release = threading.Event()

    def hanging() -> Reading:
        release.wait(60)
        return well()

    try:
        with panel_with(**dict.fromkeys(FIELDS, hanging)) as panel:
            for _ in range(MISSES):
                signs = panel.look()
            assert signs == Signs()
            assert set(signs.faults) == set(FIELDS.values())
            assert panel.readings()["X11"].why == "X11 does not answer"
            release.set()
            looked(panel, lambda seen: not any(reading.broken for reading in seen.values()))
    finally:
        release.set()


def test_one_missed_answer_is_made_up_for_by_the_last_one_and_two_are_not():
    probe = [well]
    with panel_with(X11=lambda: probe[0]()) as panel:
        looked(panel, lambda seen: seen["X11"].value is not None)
        probe[0] = failing
        panel.look()
        assert panel.readings()["X11"].why == "well"
        panel.look()
        assert panel.readings()["X11"].broken


def test_a_real_panel_says_of_every_probe_what_it_saw():
    panel = Panel(DESKTOP, lambda: 0.0)
    try:
        signs = looked(panel, lambda seen: not seen["cpu"].broken and not seen["memory"].broken)
        assert signs.free_memory_pct is not None
        assert set(panel.readings()) == {*FIELDS, "input"}
    finally:
        panel.close()


def test_a_game_pad_that_may_be_read_does_not_see_the_desktop_of_a_keyboard_that_may_not(tmp_path):
    for name in ("event0", "event1"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "event1").unlink()
    (tmp_path / "event1").symlink_to(tmp_path / "none")
    kit = LinuxKit(DESKTOP)
    kit.devices = DevicesProbe(tmp_path, tmp_path / "about")
    kit.sessions.desktop = "2"
    try:
        seen = {"devices": kit.devices()}
        assert seen["devices"].why == "devices, without 1 that may not be read"
        assert kit.unseen(seen) == "no signal sees the desktop of session 2"
        assert kit.unseen(seen | {"X11": well()}) == ""
        (tmp_path / "event1").unlink()
        assert kit.unseen({"devices": kit.devices()}) == ""
    finally:
        kit.close()
