import threading

import pytest

from idlegrid_node.sandbox.floor import HostFloor, available_mb, default_reserve_mb, total_mb


class Memory:
    """The machine's available memory, and how often it was asked for."""

    def __init__(self, available: float) -> None:
        self.available, self.looks = available, 0

    def __call__(self) -> float:
        self.looks += 1
        return self.available


def floor_with(memory: Memory, *keys: str) -> HostFloor:
    floor = HostFloor(500, memory)
    for key in keys:
        floor.enter(key)
    return floor


def test_while_there_is_memory_nobody_dies():
    floor = floor_with(Memory(500), "old", "new")
    assert [floor.must_die(key, 0.0) for key in ("old", "new")] == [False, False]


def test_below_the_reserve_only_the_newest_dies():
    floor = floor_with(Memory(499), "old", "new")
    assert [floor.must_die(key, 0.0) for key in ("old", "new")] == [False, True]


def test_the_next_is_picked_when_the_kernel_had_time():
    floor = floor_with(Memory(10), "oldest", "old", "new")
    assert floor.must_die("new", 0.0)
    floor.leave("new")
    assert not floor.must_die("old", 0.4)
    assert floor.must_die("old", 0.5)
    assert not floor.must_die("oldest", 0.9)


def test_one_that_does_not_go_does_not_save_the_next():
    floor = floor_with(Memory(10), "old", "stuck")
    assert floor.must_die("stuck", 0.0)
    assert floor.must_die("old", 1.0)


def test_one_that_was_told_is_told_the_same_again():
    memory = Memory(10)
    floor = floor_with(memory, "new")
    assert floor.must_die("new", 0.0)
    memory.available = 9000
    assert floor.must_die("new", 1.0)


def test_when_memory_came_back_nobody_else_dies():
    memory = Memory(10)
    floor = floor_with(memory, "old", "new")
    assert floor.must_die("new", 0.0)
    floor.leave("new")
    memory.available = 9000
    assert not floor.must_die("old", 5.0)


def test_one_that_is_not_known_does_not_die():
    floor = floor_with(Memory(10), "known")
    assert not floor.must_die("stranger", 0.0)


def test_one_that_came_back_is_the_newest():
    floor = floor_with(Memory(10), "first", "second")
    floor.leave("first")
    floor.enter("first")
    assert not floor.must_die("second", 0.0)
    assert floor.must_die("first", 0.0)


def test_however_many_ask_memory_is_looked_at_every_50_ms():
    memory = Memory(9000)
    floor = floor_with(memory, *"abcdefgh")
    for millisecond in range(100):
        for key in "abcdefgh":
            floor.must_die(key, millisecond / 1000)
    assert memory.looks == 2


def test_of_many_threads_asking_at_once_one_is_told():
    floor = floor_with(Memory(10), *map(str, range(8)))
    told: list[str] = []

    def ask(key: str) -> None:
        if any(floor.must_die(key, 0.0) for _ in range(200)):
            told.append(key)

    threads = [threading.Thread(target=ask, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["7"]


@pytest.mark.parametrize(("total", "reserve"), [(1024, 256), (8192, 409.6), (16384, 819.2), (65536, 1024)])
def test_the_reserve_grows_with_the_machine_within_bounds(total, reserve):
    assert default_reserve_mb(total) == pytest.approx(reserve)


def test_memory_is_read_from_the_kernel(tmp_path):
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       24684092 kB\nMemFree:  1 kB\nMemAvailable:   2097152 kB\n")
    assert (available_mb(file), round(total_mb(file))) == (2048.0, 24106)
    assert 0 < available_mb() <= total_mb()


def test_memory_that_cannot_be_told_kills_nobody(tmp_path):
    (tmp_path / "odd").write_text("MemAvailable: lots\n")
    assert available_mb(tmp_path / "missing") == available_mb(tmp_path / "odd") == float("inf")
