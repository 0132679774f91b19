import hashlib
import json

import pytest

from idlegrid_node.ran import Ran, Taken, attempts, day_of, fingerprint, lines, taken
from idlegrid_node.wire import Lease, TaskFile

USAGE = {"cpu_seconds": 1.5, "wall_seconds": 2.0, "max_memory_mb": 40.0, "processes": 1}
NOON = 1_795_000_000.0


def lease(number=1, code="print(1)", **more):
    return Lease(f"run-{number}", f"{number:032x}", code, submitter="ann", trace_id="req_1", **more)


@pytest.fixture
def ran(tmp_path):
    return Ran(tmp_path, lambda: NOON)


def test_an_attempt_has_a_line_at_its_start_and_one_at_its_end(ran, tmp_path):
    ran.began(lease())
    ran.ended(lease(), "evicted", "input", USAGE)
    about = {
        "time": NOON,
        "run": "run-1",
        "number": 1,
        "lease_id": f"{1:032x}",
        "trace_id": "req_1",
        "submitter": "ann",
        "task_type": "python",
        "sha256": hashlib.sha256(b"print(1)").hexdigest(),
    }
    written = [json.loads(line) for line in (tmp_path / "ran.jsonl").read_text().splitlines()]
    end = {"event": "end", **about, "outcome": "evicted", "reason": "input", "usage": USAGE}
    assert written == [{"event": "start", **about}, end]
    assert attempts(lines(tmp_path)) == [{**end, "began": NOON}]
    assert (tmp_path / "ran.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_hash_is_that_of_what_was_run():
    assert fingerprint(lease(code="é")) == hashlib.sha256("é".encode()).hexdigest()
    words = lease(code="", command="echo", arguments=("a", "b"), task_type="shell")
    assert fingerprint(words) == hashlib.sha256(b"echo\0a\0b").hexdigest()
    file = TaskFile("main.py", 3, "ab" * 32)
    assert fingerprint(lease(code="", command="main.py", arguments=("a",), files=(file,))) == "ab" * 32
    assert len(fingerprint(lease(code="\ud800"))) == 64


def test_a_torn_line_is_left_out_and_takes_no_other_with_it(ran, tmp_path):
    ran.began(lease(1))
    with open(tmp_path / "ran.jsonl", "ab") as file:
        file.write(b'{"event": "start", "ti')
    ran.began(lease(2))
    assert [line["run"] for line in lines(tmp_path)] == ["run-1", "run-2"]


def test_there_are_two_files_and_no_more(tmp_path):
    ran = Ran(tmp_path, lambda: NOON, most=1000)
    for number in range(20):
        ran.began(lease(number))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ran.1.jsonl", "ran.jsonl"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    found = [line["run"] for line in lines(tmp_path)]
    assert found == [f"run-{number}" for number in range(20)][-len(found) :]
    assert len(found) > 2


def test_a_folder_that_takes_nothing_stops_no_work(tmp_path):
    ran = Ran(tmp_path / "gone", lambda: NOON)
    ran.began(lease())
    ran.ended(lease(), "completed", "", USAGE)
    assert ran.today() == Taken(1, 1.5, 2.0, 40.0)


def test_the_day_is_counted_over_restarts_and_begins_anew(tmp_path):
    now = [NOON]
    for number in range(2):
        ran = Ran(tmp_path, lambda: now[0])
        ran.began(lease(number))
        ran.ended(lease(number), "completed", "", {**USAGE, "max_memory_mb": 50.0 - number})
    assert ran.today() == taken(lines(tmp_path), day_of(NOON)) == Taken(2, 3.0, 4.0, 50.0)
    now[0] += 86400
    assert ran.today() == Taken()


@pytest.mark.parametrize(
    "bad", ["[]", "{}", '{"event": "end", "time": "x", "lease_id": "1"}', "\udcff", "null", "1e999"]
)
def test_lines_of_others_are_left_out(tmp_path, bad):
    (tmp_path / "ran.jsonl").write_bytes(bad.encode("utf-8", "surrogateescape") + b"\n")
    assert list(lines(tmp_path)) == []
