"""Word to a job that it has to leave: one-way, and never too late."""

import math

import pytest

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import Job
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.notice import Notice


@pytest.fixture
def execution(tmp_path):
    """A job whose sandbox cannot be had: it fails if it is asked for."""

    def none():
        raise SandboxUnavailable("none")

    job = Job("")
    watcher = Watcher(job.limits, Host(HostFloor(0.0), Placement()))
    execution = Execution(none, job, watcher, FilesOut(tmp_path))
    yield execution
    execution.close()


def test_the_first_cause_stays_and_the_earliest_time_counts():
    notice = Notice()
    assert (notice.cause, notice.by) == ("", math.inf)
    for cause, by in (("evicted:input", 30.0), ("evicted:memory_short", 3.0), ("evicted:hours", 60.0)):
        notice.give(cause, by)
    assert (notice.cause, notice.by) == ("evicted:input", 3.0)


def test_a_job_that_has_not_begun_is_not_started(execution):
    execution.evict("evicted:input", 30.0)
    ending = execution.run()
    assert (ending.cause, ending.begun) == ("evicted:input", False)


def test_a_stop_says_why_also_when_it_was_told_to_leave_before(execution):
    execution.evict("evicted:input", 30.0)
    execution.stop("cancelled")
    assert execution.run().cause == "cancelled"
