"""When the waker looks."""

import pytest

from idlegrid_server.queue.waker import Waker


class Wakes:
    """rq-scheduler's steps, with nothing due."""

    key = "k"

    def __init__(self) -> None:
        self.connection = self

    def exists(self, _key: str) -> bool:
        return True

    def heartbeat(self) -> None:
        pass

    def acquire_lock(self) -> bool:
        return False


@pytest.mark.parametrize(("now", "rest"), [(100.0, 1.0), (100.25, 0.75), (100.999, 0.001)])
def test_the_waker_looks_as_each_second_begins(now, rest):
    assert Waker(Wakes(), lambda: now).turn() == pytest.approx(rest)
