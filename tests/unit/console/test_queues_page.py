import pytest

from .reading import texts

EVIL = "<script>x</script> :red[a] **b** \x1b[31m"


@pytest.fixture
def known(coordinator, operations):
    """A coordinator with a queue that is served, and one that no node could serve."""
    huge = operations.queue_answer(
        "high/python/64c/512M/s3", priority="high", cpu=64.0, requires=["gpu"], able=0, taking=0, oldest_seconds=5.0
    )
    coordinator.extra |= {
        "/api/system/queues": operations.queues_answer(operations.queue_answer(), huge),
        "/api/system/overview": operations.overview_answer(),
        "/api/runs/17/explain": {"run_id": 17, "summary": "No node offers 64 cores; the largest offers 8."},
    }
    return coordinator


def test_queues_are_listed_with_what_they_ask_for_and_those_that_no_node_can_serve_come_first(open_page, known):
    app = open_page("queues")
    frame = app.dataframe[0].value
    assert list(frame["needs"]) == [
        "Python, 64 cores, 512 MB, sandbox 3 or better, labels gpu",
        "Python, 1 core, 512 MB, sandbox 3 or better",
    ]
    assert [codes[0] for codes in frame["served"]] == ["unserved", "served"]
    assert "No node offers 64 cores; the largest offers 8." in texts(app)
    assert next((link.label, link.page) for link in app.page_link)[0] == "Run 17"
    assert [metric.value for metric in app.metric] == ["8", "4", "2 min 5 s"]
    assert not app.error


def test_waits_are_shown_by_priority_and_class_over_the_span_in_the_address(open_page, known):
    asked = []
    answer = known.extra["/api/system/queues"]
    known.extra["/api/system/queues"] = lambda query: asked.append(query["window"]) or answer
    app = open_page("queues", span="day")
    assert asked == ["86400"]
    frame = app.dataframe[1].value
    assert next(iter(frame["needs"])) == "0.5 cores, 2 GB, labels gpu + lab"
    assert list(frame["p95"]) == [60.0, 12.5]


def test_a_suspended_queue_and_an_empty_one_are_said(open_page, known, operations):
    known.extra["/api/system/queues"] = operations.queues_answer(suspended=True)
    app = open_page("queues")
    assert "suspended" in app.error[0].value
    assert "**Nothing is queued.**" in texts(app)


def test_what_users_wrote_is_text(open_page, known, operations):
    evil = operations.queue_answer(EVIL, task_type=EVIL, requires=[EVIL], priority=EVIL, able=0)
    answer = operations.queues_answer(evil)
    known.extra["/api/system/queues"] = answer | {"waits": [answer["waits"][0] | {"class": EVIL, "priority": EVIL}]}
    app = open_page("queues")
    assert not app.exception
    assert not any("\x1b" in text for text in texts(app))
    assert not any("<script>" in part.value for kind in (app.markdown, app.caption) for part in kind)


def test_a_coordinator_that_is_away_or_without_its_queue_is_said(open_page, known):
    known.extra["/api/system/queues"] = (503, {"error": {"message": "Redis does not answer"}})
    assert "Redis does not answer" in open_page("queues").error[0].value
    known.stop()
    try:
        assert "does not answer" in open_page("queues").warning[0].value
    finally:
        known.start()


def test_a_key_without_the_scope_is_told_so(open_page, known):
    known.lacking["/api/system/queues"] = "read:system"
    assert "read:system" in open_page("queues").warning[0].value.replace("\\", "")
