"""Reports on a disk that cannot take them: kept in memory, listed, and delivered."""

import pytest

from idlegrid.errors import Unreachable
from idlegrid_node.delivery import Delivery
from idlegrid_node.wire import Answer

OURS, OTHER = "5eed0001", "an0ther1"
REPORT = {"run": "r", "lease_id": "l", "result": "1"}


class Line:
    """The way to a coordinator; `away` while nothing answers."""

    def __init__(self):
        self.away = True
        self.delivered = []

    def report(self, reports, _room, _timeout):
        if self.away:
            raise Unreachable("nothing answers")
        self.delivered += reports
        return Answer.read({"server_id": OURS, "results": [{"run": r["run"], "status": "ok"} for r in reports]})


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def delivery(line, tmp_path):
    """One whose spool cannot be written: there is a file where its folder should be."""
    (tmp_path / "spool").write_text("")
    return Delivery(line, tmp_path / "spool")


def test_a_report_that_can_neither_be_sent_nor_written_is_delivered_later(delivery, line):
    assert delivery.send(REPORT, OURS, None, 1.0) is None
    assert delivery.kept(OURS) == [REPORT]
    line.away = False
    delivery.catch_up(OURS)
    assert line.delivered == [REPORT]
    assert delivery.kept(OURS) == []


def test_another_coordinator_never_gets_it(delivery, line):
    delivery.send(REPORT, OURS, None, 1.0)
    line.away = False
    delivery.catch_up(OTHER)
    assert line.delivered == []
    assert delivery.kept(OTHER) == []
