"""The probes that read what the kernel tells: devices, processes, pressure; and X11 on a real server."""

import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.exclusive import ExclusiveProbe
from idlegrid_node.probes.pressure import PressureProbe, some_avg10
from idlegrid_node.probes.reading import AbsentError
from idlegrid_node.probes.terminals import TerminalsProbe
from idlegrid_node.probes.x11 import X11Probe

from ...displays import virtual_display

PATIENCE_S = 45.0
NOBODY = 65534
AS_A_USER = f"""
import os, sys, time
from pathlib import Path
from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.reading import AbsentError
from idlegrid_node.probes.terminals import TerminalsProbe
from idlegrid_node.probes.watched import Watched
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
def told(name, probe):
    watched = Watched(name, probe)
    watched.ask()
    reading = watched.answer(time.monotonic() + 45)
    print(reading.absent, reading.value, reading.why, sep="|")
"""
"""Begins a program that looks as a user whom nobody has let in anywhere."""
SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def keyboard(tmp_path: Path) -> Path:
    """A folder with one device, which is a pipe."""
    (tmp_path / "mice").touch()
    os.mkfifo(tmp_path / "event0")
    return tmp_path


@pytest.fixture
def listener(keyboard: Path) -> Iterator[DevicesProbe]:
    probe = DevicesProbe(keyboard, keyboard / "about")
    try:
        yield probe
    finally:
        probe.close()


def describe(folder: Path, device: str, keys: str) -> None:
    path = folder / "about" / device / "device/capabilities"
    path.mkdir(parents=True)
    (path / "key").write_text(keys + "\n")


def test_an_event_of_a_device_is_an_input_at_the_look_that_finds_it(keyboard, listener):
    began = time.monotonic()
    assert listener().value is not None
    idle, waited = listener().value, time.monotonic() - began
    assert idle is not None
    assert 0.0 < idle <= waited
    with (keyboard / "event0").open("wb") as device:
        device.write(bytes(24 * 3))
        device.flush()
        assert listener().value == 0.0
        later = listener().value
        assert later is not None
        assert later > 0.0


def test_a_device_that_is_plugged_in_later_counts_too_and_one_pulled_out_is_let_go(keyboard, listener):
    listener()
    os.mkfifo(keyboard / "event1")
    listener()
    with (keyboard / "event1").open("wb") as device:
        device.write(bytes(24))
        device.flush()
        assert listener().value == 0.0
    for name in ("event0", "event1"):
        (keyboard / name).unlink()
    with pytest.raises(AbsentError):
        listener()


def test_sensors_are_not_listened_to(keyboard, listener):
    describe(keyboard, "event0", "0")
    with pytest.raises(AbsentError, match="no keyboard"):
        listener()


def test_a_keyboard_is_known_by_its_keys(keyboard, listener):
    describe(keyboard, "event0", "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe")
    assert listener().why == "devices"


def test_devices_that_may_not_be_read_are_not_there(tmp_path):
    (tmp_path / "event0").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AbsentError, match="may be read"):
        DevicesProbe(tmp_path, tmp_path)()
    with pytest.raises(AbsentError):
        DevicesProbe(tmp_path / "none", tmp_path)()


def seen_by_a_user(program: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", AS_A_USER + program, *arguments]
    seen = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
    return seen.stdout.strip().split("|")


@pytest.mark.parametrize("mode", [0o755, 0o000])
def test_to_a_user_who_may_not_read_them_devices_are_not_there(mode):
    program = "told('devices', DevicesProbe(Path(sys.argv[1]), Path(sys.argv[1])))"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "event0").touch(mode=0o000)
        Path(folder).chmod(mode)
        absent, value, why = seen_by_a_user(program, folder)
        Path(folder).chmod(0o700)
    assert (absent, value, why) == ("True", "None", f"no device in {folder} may be read")


def test_any_user_sees_when_something_was_typed_on_a_terminal_of_somebody_else():
    ours, theirs = pty.openpty()
    try:
        os.utime(os.ttyname(theirs))
        absent, value, why = seen_by_a_user("told('terminals', TerminalsProbe())")
        assert (absent, why) == ("False", "terminals")
        assert 0.0 <= float(value) <= PATIENCE_S
    finally:
        os.close(ours)
        os.close(theirs)


def test_typing_on_a_terminal_is_an_input():
    ours, theirs = pty.openpty()
    try:
        then = time.time() - 1000
        os.utime(os.ttyname(theirs), (then, then))
        os.write(ours, b"ls\n")
        os.read(theirs, 10)
        value = TerminalsProbe()().value
        assert value is not None
        assert value < 900
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def game(tmp_path: Path) -> str:
    """A program of a name that nothing else has: another name for this interpreter."""
    name = f"game-of-a-long-name-{os.getpid()}"
    (tmp_path / name).symlink_to(sys.executable)
    return str(tmp_path / name)


def test_an_exclusive_program_counts_unless_it_is_a_run_of_ours(game):
    looking = (
        "import sys; from idlegrid_node.probes.exclusive import ExclusiveProbe as E; print(E(sys.argv[1:])().value)"
    )
    with subprocess.Popen([game, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        name = Path(game).name
        assert ExclusiveProbe([name])().value == 0.0, "below this process"
        command = [sys.executable, "-c", looking, name.upper()]
        seen = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE_S)
        assert seen.stdout == b"1.0\n", "seen from another process"
        program.communicate()


def test_without_a_name_no_process_is_looked_at():
    with pytest.raises(AbsentError):
        ExclusiveProbe(())()


def test_pressure_is_what_some_process_waits():
    text = "some avg10=1.25 avg60=9.00 avg300=3.00 total=7\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n"
    assert some_avg10(text) == 1.25
    with pytest.raises(ValueError, match="some"):
        some_avg10("")


def test_a_kernel_without_pressure_is_not_a_fault(tmp_path):
    with pytest.raises(AbsentError):
        PressureProbe("memory", tmp_path)()


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with virtual_display() as name:
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.setenv("DISPLAY", name)
        yield name


def idle_s(probe: X11Probe) -> float:
    """What the probe answers, once its child is up."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            value = probe().value
        except OSError:
            assert time.monotonic() < deadline, "X11 answers"
            continue
        assert value is not None
        return value


def test_a_key_at_an_x_server_is_an_input(display):
    probe = X11Probe()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while idle_s(probe) < 1.0:
            assert time.monotonic() < deadline, "a second without input"
        began = time.monotonic()
        subprocess.run(["xdotool", "key", "a"], check=True, timeout=PATIENCE_S)
        assert idle_s(probe) <= time.monotonic() - began
    finally:
        probe.close()


def test_an_x_server_inside_a_wayland_desktop_is_nobody_to_ask(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(AbsentError, match="inside a Wayland desktop"):
        X11Probe()()


def test_without_a_display_x11_is_not_there_and_with_a_dead_one_it_is_a_fault(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    probe = X11Probe()
    with pytest.raises(AbsentError):
        probe()
    monkeypatch.setenv("DISPLAY", ":7654")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with pytest.raises(OSError, match=r".") as fault:
            probe()
        if "does not answer" not in str(fault.value):
            break
        assert time.monotonic() < deadline, "the child's reason"
    assert "X" in str(fault.value)
    probe.close()
