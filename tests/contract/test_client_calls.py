"""The client's calls about nodes and runs, against a coordinator."""

from datetime import UTC, datetime, timedelta

import pytest

from idlegrid import Client, Conflict, InvalidRequest, NotFound


@pytest.fixture
def client(grid):
    with Client(grid.url) as client:
        yield client


def test_nodes_are_paged_watched_steered_and_sent_away(grid, client):
    machine, other = grid.machine(hostname="client-1"), grid.machine(hostname="client-2", status="busy", reason="input")
    assert [node.id for node in client.node_page(search="CLIENT-")] == [machine.id, other.id]
    (busy,) = client.node_page(search="client-", state="busy").items
    assert (busy.id, busy.suspect, busy.ended_per_minute, busy.failed_per_minute) == (other.id, False, 0.0, 0.0)
    history = client.node_history([machine.id, other.id], window=60)
    assert [worker["spells"][-1]["state"] for worker in history["workers"]] == ["idle", "busy"]
    assert len(client.all_weeks()["hours"]) == 168
    assert client.limit_node(machine.id, 1).max_concurrent_tasks == 1
    client.unregister_node(machine.id)
    with pytest.raises(NotFound):
        client.node(machine.id)


def test_a_run_of_any_type_is_previewed_submitted_found_and_made_again(grid, client):
    machine, now = grid.machine(task_types=["python", "shell", "http"]), datetime.now(UTC)
    told = client.preview(task_type="shell", memory=1000, retry_count=2)
    assert (told.nodes["able"], told.nodes["free"], told.needs["memory"]) == (1, 1, 1024)
    run = client.submit("exit 3", task_type="shell", retry_count=2)
    with pytest.raises(Conflict):
        client.restart(run.id)
    assert machine.report(machine.lease(), "crashed", reason="sandbox_failed").status_code == 200
    assert machine.report(machine.lease()).status_code == 200
    again = client.restart(run.id)
    given = machine.lease()
    assert (given["command"], given["code"], again.status) == ("exit 3", "", "running")
    found = client.runs(search=str(run.id), since=now - timedelta(minutes=1), sort="id")
    assert run.id in [one.id for one in found]
    assert client.runs(submitter="nobody-of-that-name").total == 0
    with pytest.raises(InvalidRequest, match="request"):
        client.submit("1", request={"method": "GET"})
