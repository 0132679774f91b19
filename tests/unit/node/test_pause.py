import threading

import pytest

from idlegrid_node.errors import SettingsError
from idlegrid_node.pause import Pause, PauseKeeper, duration, keep, read

from ...conftest import wait_until


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h", 3600), ("2h30m", 9000), ("1d", 86400), ("5s", 5)])
def test_a_duration_is_said_in_days_hours_minutes_and_seconds(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0m", "-1h", "1.5h", "30m2h", "1h ", "367d", "٣h", "9999999s"])
def test_what_is_no_duration_is_refused_with_what_would_be(text):
    with pytest.raises(SettingsError, match="write 30m, 1h or 2h30m"):
        duration(text)


def test_a_kept_pause_is_read_again_until_it_is_over(tmp_path):
    keep(tmp_path, Pause(100.0, 200.0))
    assert read(tmp_path, 199.0) == Pause(100.0, 200.0)
    assert read(tmp_path, 200.0) is None
    keep(tmp_path, Pause(100.0))
    assert read(tmp_path, 1e12) == Pause(100.0)
    keep(tmp_path, None)
    keep(tmp_path, None)
    assert read(tmp_path, 150.0) is None


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"since": 1}', '{"since": "x", "until": null}'])
def test_a_torn_file_is_no_pause(tmp_path, torn):
    (tmp_path / "pause.json").write_text(torn)
    assert read(tmp_path, 0.0) is None


class Node:
    """What the keeper has said last, and a clock to be set."""

    def __init__(self, folder):
        self.now, self.paused = 1000.0, False
        self.keeper = PauseKeeper(folder, self._apply, lambda: self.now)

    def _apply(self, paused):
        self.paused = paused


@pytest.fixture
def node(tmp_path):
    node = Node(tmp_path)
    yield node
    node.keeper.close()
    wait_until(lambda: "pause" not in {thread.name for thread in threading.enumerate()}, "the keeper's thread is gone")


def test_a_pause_holds_at_once_and_over_a_restart(node, tmp_path):
    node.keeper.start()
    assert not node.paused
    node.keeper.begin(4600.0)
    assert node.paused
    again = Node(tmp_path)
    again.keeper.start()
    assert again.paused
    assert again.keeper.pause == Pause(1000.0, 4600.0)
    again.keeper.close()
    node.keeper.end()
    assert not node.paused
    assert read(tmp_path, node.now) is None


def test_a_pause_ends_by_the_wall_clock(node, tmp_path):
    node.keeper.start()
    node.keeper.begin(1000.3)
    node.now = 2000.0
    wait_until(lambda: not node.paused, "the pause is over")
    assert node.keeper.pause is None
    assert not (tmp_path / "pause.json").exists()


def test_a_folder_that_takes_nothing_still_pauses(tmp_path):
    node = Node(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        node.keeper.begin(None)
    assert node.paused
