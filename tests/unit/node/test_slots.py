from hypothesis import given
from hypothesis import strategies as st

from idlegrid_node.slots import Room, Slots, offer


def test_what_is_taken_is_no_longer_free_and_comes_back():
    slots = Slots(Room(2, 2.0, 1000))
    assert slots.take("a", 0.5, 600)
    assert slots.free == Room(1, 1.5, 400)
    slots.release("a")
    assert slots.free == Room(2, 2.0, 1000)


def test_the_same_lease_is_taken_once():
    slots = Slots(Room(2, 2.0, 1000))
    assert slots.take("a", 1, 100)
    assert not slots.take("a", 1, 100)
    assert slots.free.slots == 1


def test_an_unknown_lease_is_released_without_complaint():
    Slots(Room(1, 1.0, 1)).release("never seen")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 8), st.integers(0, 4000), st.booleans())))
def test_free_room_is_never_negative_nor_more_than_offered(steps):
    slots = Slots(Room(2, 4.0, 2048))
    for lease, cpu, memory, give in steps:
        if give:
            slots.take(lease, cpu, memory)
        else:
            slots.release(lease)
        free = slots.free
        assert 0 <= free.slots <= 2
        assert 0 <= free.cpu <= 4.0
        assert 0 <= free.memory_mb <= 2048


def test_a_desktop_keeps_a_core_for_its_owner_and_a_single_core_is_still_offered():
    assert offer(4, 8000, spare_cores=1, memory_pct=75) == Room(3, 3.0, 6000)
    assert offer(1, 8000, spare_cores=1, memory_pct=50) == Room(1, 1.0, 4000)
    assert offer(4, 8000, spare_cores=0, memory_pct=75, slots=9).slots == 9
