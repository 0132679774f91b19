"""What holds a run back: the tables of reasons, and the short sentence."""

import pytest

from idlegrid_server.core.definitions import DEPENDENCY, NO_SUCH_FILE, Wait
from idlegrid_server.core.forecast import capacity, expected_start
from idlegrid_server.core.matching import requirement_class
from idlegrid_server.core.model import Need, Node, NodeHealth, NodeState, NodeWish, Priority, Run, RunState, Sandbox
from idlegrid_server.core.queries import Taken
from idlegrid_server.core.reasons import Code, behind
from idlegrid_server.core.waiting import judge, node_reasons, run_reasons, where, why

from ...parts import START

BUSY = {"state": NodeState.BUSY, "reason": "input"}
COOLING = {"state": NodeState.COOLING, "reason": "after_return"}
DRAINED = {"state": NodeState.DRAINING, "reason": "operator_drain"}


def node(name: str = "n1", **words: object) -> Node:
    usual = {"state": NodeState.IDLE, "reason": "owner_away", "sandbox": Sandbox(level=3), "cpu_cores": 4.0, "slots": 2}
    return Node(id=name, registered_at=0, last_seen=0, **{"memory_mb": 4096, **usual, **words})


def queue(**need: object) -> str:
    return requirement_class(Need(**need), Priority.NORMAL).queue


def run(wanted: str = "", **words: object) -> Run:
    known = {"state": RunState.PENDING, "created_at": START, "retry_limit": 3, "task_type": "python", "cpu": 1.0}
    known |= {"memory_mb": 512, "requires": "[]", "min_sandbox": 3, "timeout": 300, "submitter": "", "priority": 1}
    return Run(id=7, uuid="u7", queue=wanted or queue(), **{**known, **words})


def reasons(nodes, taken=None, **need):
    wanted = queue(**need)
    return node_reasons(wanted, judge(wanted, nodes, taken))


def codes(nodes, taken=None, **need):
    return [reason.code for reason in reasons(nodes, taken, **need)]


# --- nodes ---


def test_without_nodes_a_submitter_is_told_how_to_start_one():
    gone = node(health=NodeHealth.LOST)
    assert "idlegrid node" in str(why(run(), [gone]))
    assert codes([gone]) == [Code.NO_NODE]


def test_a_run_that_a_node_could_take_at_once_waits_for_nothing():
    assert why(run(), [node("n2", **BUSY), node()]) is None
    assert why(run(), [node("n2", **BUSY), node(state=NodeState.RUNNING)]) is None
    assert codes([node("n2", **BUSY), node()], {"n1": Taken(1, 1.0, 512)}) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (BUSY, Code.OWNERS_PRESENT),
        (COOLING, Code.OWNERS_PRESENT),
        ({"state": NodeState.FROZEN, "reason": "input"}, Code.OWNERS_PRESENT),
        ({"state": NodeState.EVICTING, "reason": "max_frozen"}, Code.OWNERS_PRESENT),
        ({"state": NodeState.UNKNOWN, "reason": "probe_unknown"}, Code.OWNERS_PRESENT),
        ({"state": NodeState.UNKNOWN, "reason": "starting"}, Code.NODES_HELD_BACK),
        ({"state": NodeState.UNKNOWN, "reason": "starting", "sandbox": Sandbox()}, Code.NODES_HELD_BACK),
        ({"state": NodeState.IDLE, "reason": "starting", "sandbox": Sandbox()}, Code.NEED_UNMET),
        ({"state": NodeState.PAUSED, "reason": "owner_paused"}, Code.NODES_HELD_BACK),
        ({"state": NodeState.FROZEN, "reason": "owner_paused"}, Code.NODES_HELD_BACK),
        (DRAINED, Code.NODES_HELD_BACK),
        ({"wish": NodeWish.DRAINING}, Code.NODES_HELD_BACK),
        ({**BUSY, "wish": NodeWish.OFFLINE}, Code.NODES_HELD_BACK),
        ({"state": NodeState.UNKNOWN, "reason": "no_sandbox", "sandbox": Sandbox()}, Code.NEED_UNMET),
    ],
)
def test_what_a_node_does_says_why_it_takes_nothing(words, code):
    assert codes([node(**words)]) == [code]
    assert why(run(), [node(**words)]) == reasons([node(**words)])[0].message


def test_nodes_are_counted_by_what_they_do():
    nodes = [node("a", **BUSY), node("b", **COOLING), node("c", **BUSY), node("d", wish=NodeWish.DRAINING), node("e")]
    owners, held, full = reasons(nodes, {"e": Taken(2, 2.0, 1024)})
    assert owners.message == "3 nodes could take it, but are not free of their owners: 2 busy (input), 1 cooling " + (
        "(after_return)."
    )
    assert owners.details["states"][0] == {"state": "busy", "reason": "input", "nodes": 2}
    assert held.message == "1 node could take it, but is held back: 1 draining (operator_drain)."
    assert full.message == "1 node could take it, but is full: 2 of 2 slots are taken."
    assert full.details == {"nodes": 1, "slots": 2, "held": 2, "without_slots": 1, "without_room": 0}
    assert judge(queue(), nodes).by_state == {"busy": 2, "cooling": 1, "draining": 1, "idle": 1}


@pytest.mark.parametrize(
    ("words", "taken", "short"),
    [
        ({}, Taken(2, 0.5, 100), "without_slots"),
        ({"max_tasks": 1}, Taken(1, 0.5, 100), "without_slots"),
        ({}, Taken(1, 3.5, 100), "without_room"),
        ({}, Taken(1, 0.5, 3800), "without_room"),
    ],
)
def test_a_node_is_full_by_slots_its_operators_limit_cores_or_memory(words, taken, short):
    (reason,) = reasons([node(**words)], {"n1": taken})
    assert (reason.code, reason.details[short]) == (Code.NODES_FULL, 1)
    assert why(run(), [node(**words)]) is None


# --- needs ---


@pytest.mark.parametrize(
    ("need", "which", "asked", "best", "message"),
    [
        ({"cpu": 64}, "cpu", 64, 4, "No node offers 64 cores; the largest offers 4."),
        ({"memory_mb": 9999}, "memory", 16384, 4096, "No node offers 16384 MB of memory; the largest offers 4096 MB."),
        ({"task_type": "shell"}, "task_type", "shell", ["python"], "No node runs tasks of the type shell."),
        ({"min_sandbox": 4}, "sandbox", 4, 3, "No node has a sandbox of level 4; the best has level 3."),
        ({"requires": ("gpu",)}, "labels", ["gpu"], [], "No node has the label gpu."),
        (
            {"requires": ("gpu", "lab")},
            "labels",
            ["gpu", "lab"],
            ["lab"],
            "No node has the labels gpu+lab; the best has only lab.",
        ),
    ],
)
def test_a_need_that_no_node_meets_is_named_with_what_the_best_offers(need, which, asked, best, message):
    nodes = [node(labels=("lab",)), node("n2", cpu_cores=1.0, memory_mb=512)]
    (reason,) = reasons(nodes, **need)
    assert (reason.code, reason.message) == (Code.NEED_UNMET, message)
    assert {name: reason.details[name] for name in ("need", "asked", "best")} == {
        "need": which,
        "asked": asked,
        "best": best,
    }
    assert why(run(queue(**need)), nodes) == message


def test_who_is_refused_memory_that_a_node_has_is_told_that_requests_are_rounded_up():
    (reason,) = reasons([node(memory_mb=12_000)], memory_mb=9_999)
    assert "16384 MB of memory, what was asked for rounded up to a power of two; the largest" in reason.message


def test_all_needs_that_no_node_meets_are_named():
    found = reasons([node()], cpu=64, memory_mb=99_999, requires=("gpu",), min_sandbox=4, task_type="shell")
    assert [reason.details["need"] for reason in found] == ["cpu", "memory", "task_type", "sandbox", "labels"]


def test_a_submitter_is_told_what_raises_the_best_nodes_sandbox():
    best = node(sandbox=Sandbox(level=3, remedy="sudo idlegrid node …"))
    others = [node("n2"), node("n3", sandbox=Sandbox(level=1, remedy="sudo apt install bubblewrap"))]
    (reason,) = reasons([*others, best], min_sandbox=4)
    assert reason.message.endswith("the best has level 3. To raise it there: sudo idlegrid node …")
    assert reason.details["remedy"] == "sudo idlegrid node …"


def test_needs_that_only_two_nodes_together_meet_are_told_apart_from_needs_nobody_meets():
    nodes = [node(cpu_cores=8.0, memory_mb=512), node("n2", cpu_cores=0.5, memory_mb=65536, labels=("gpu",))]
    (reason,) = reasons(nodes, cpu=8, memory_mb=4096)
    assert reason.message.startswith("No node offers this combination of needs together with all else that it needs;")
    assert (reason.details["need"], reason.details["lacks"]) == ("together", ["memory"])
    assert reason.details["asked"]["memory"] == 4096
    assert reasons(nodes, cpu=8, requires=("gpu",))[0].message.startswith("No node offers gpu together with")


# --- the run itself ---


def test_a_dependency_names_its_first_parents():
    waits = [Wait(number, f"p{number}", None, None) for number in range(1, 8)]
    waiting = run(state=RunState.WAITING, reason=DEPENDENCY)
    (reason,) = run_reasons(waiting, waits)
    assert reason.message == "It waits for the tasks that it depends on: p1, p2, p3, p4, p5, …."
    assert reason.details["total"] == 7
    assert reason.details["parents"][6] == {"task_id": 7, "task_name": "p7", "run_id": None, "status": None}
    assert why(waiting, []) == "It waits for the tasks that it depends on."


def test_a_retry_says_when_and_which():
    waiting = run(state=RunState.WAITING, reason="user_error", retries=2, not_before=START)
    (reason,) = run_reasons(waiting)
    assert reason.message == "It is tried again at 2023-11-14 22:13:20 UTC after a failure (2 of 3)."
    assert reason.details == {"retries": 2, "limit": 3, "at": "2023-11-14T22:13:20.000Z"}


def test_a_run_that_is_about_to_fail_for_want_of_its_file_waits_for_nothing():
    doomed = run(state=RunState.WAITING, reason=NO_SUCH_FILE)
    assert (run_reasons(doomed), why(doomed, [])) == ([], None)
    assert "about to fail" in where(doomed, None)


@pytest.mark.parametrize(
    ("words", "host", "sentence"),
    [
        (
            {"state": RunState.RUNNING, "leased_at": START},
            "lab",
            "It runs on lab, since it was handed out at 2023-11-14 ",
        ),
        ({"state": RunState.RUNNING, "node_id": "legacy:x", "leased_at": START}, None, "It runs on legacy:x, since"),
        ({"state": RunState.RUNNING, "frozen": True}, "lab", "It is frozen on lab, whose owner is there (input)."),
        ({"state": RunState.COMPLETED, "finished_at": START}, None, "It completed at 2023-11-14 22:13:20 UTC."),
        ({"state": RunState.FAILED, "finished_at": START, "reason": "memory_limit"}, None, "It failed at 2023-11-14 "),
        ({"state": RunState.TIMED_OUT, "finished_at": START, "reason": "timeout"}, None, "It ran out of time at "),
        ({"state": RunState.CANCELLED, "finished_at": START}, None, "It was cancelled at "),
        ({}, None, "Nothing holds it back"),
    ],
)
def test_where_a_run_stands_is_a_sentence(words, host, sentence):
    assert where(run(**words), None if host is None else node(hostname=host, **BUSY)).startswith(sentence)


def test_how_many_are_before_it_is_a_sentence():
    assert [behind(number).message for number in (1, 2)] == [
        "1 run is served before it.",
        "2 runs are served before it.",
    ]


# --- when ---


def test_nodes_run_as_many_at_a_time_as_slots_cores_and_memory_allow():
    nodes = [node(slots=9), node("n2", slots=9, memory_mb=1024), node("n3", slots=9, max_tasks=1)]
    assert capacity(queue(), nodes) == 4 + 2 + 1


def test_a_run_starts_when_those_before_it_have_had_their_turns():
    assert [expected_start(START, before, 4, 10.0) - START for before in (0, 3, 4, 9)] == [0, 0, 10, 20]
