import pytest

from idlegrid_node.spool import Spool


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path, "a1b2c3d4")


def report(lease: str, **more):
    return {"run": "r", "lease_id": lease, "result": "ü", **more}


def test_what_is_kept_is_there_after_a_restart(spool, tmp_path):
    spool.keep(report("1"))
    assert Spool(tmp_path, "a1b2c3d4").waiting() == [report("1")]


def test_each_coordinator_has_its_own(spool, tmp_path):
    spool.keep(report("1"))
    assert Spool(tmp_path, "other").waiting() == []
    assert not Spool(tmp_path, "other")


def test_reports_come_oldest_first_and_not_more_than_asked_for(spool):
    for name in "abc":
        spool.keep(report(name))
    assert [r["lease_id"] for r in spool.waiting(2)] == ["a", "b"]


def test_a_batch_of_large_reports_is_bounded_but_never_empty(spool):
    for name in "abc":
        spool.keep(report(name, result="x" * 1000))
    assert [len(spool.waiting(size=size)) for size in (1, 2500, 10_000)] == [1, 2, 3]


def test_a_removed_report_is_gone_and_may_be_removed_twice(spool):
    spool.keep(report("1"))
    assert spool
    spool.remove(report("1"))
    spool.remove(report("1"))
    assert not spool


def test_the_same_lease_is_kept_once(spool):
    spool.keep(report("1", result="a"))
    spool.keep(report("1", result="b"))
    assert [r["result"] for r in spool.waiting()] == ["b"]


def test_a_half_written_file_is_never_read(spool, tmp_path):
    spool.keep(report("1"))
    (tmp_path / "a1b2c3d4" / ".x.part").write_text('{"lease_id": ')
    assert len(spool.waiting()) == 1


def test_a_broken_file_is_set_aside(spool, tmp_path):
    spool.keep(report("1"))
    (tmp_path / "a1b2c3d4" / "0.json").write_text("{")
    assert spool.waiting() == [report("1")]
    assert (tmp_path / "a1b2c3d4" / "0.broken").exists()


def test_names_from_outside_never_leave_the_folder(tmp_path):
    Spool(tmp_path / "spool", "../../x").keep(report("../../../y"))
    assert [path.parent.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "spool"]
