"""Reports and their files on their way to a coordinator that may be away, over real HTTP."""

import json
import os
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

from idlegrid.session import Session
from idlegrid_node.delivery import Delivery
from idlegrid_node.link import Link
from idlegrid_node.slots import Room

OURS, OTHER = "5eed0001", "an0ther1"
AWAY, REFUSED, GONE, TOO_LARGE = 503, 400, 409, 413


class Coordinator:
    """What came, in order: `("file", name, bytes)` or `("report", lease id)`.

    `away` answers nothing; `answers` is the status to give for a file's name, or for `report`.
    """

    def __init__(self) -> None:
        self.came: list[tuple[object, ...]] = []
        self.bodies: list[dict[str, object]] = []
        self.away = False
        self.answers: dict[str, int] = {}
        self.conflicts: set[str] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = Thread(target=self.server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def put(self, path: str, body: bytes) -> int:
        kind, _, name = unquote(path.partition("?")[0]).removeprefix("/internal/").partition("/")
        name = name.partition("/")[2] if kind == "files" else kind
        status = AWAY if self.away else self.answers.get(name, 200)
        if status == 200:
            self.came.append(("file", name, body))
        return status

    def post(self, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        status = AWAY if self.away else self.answers.pop("report", 200)
        if status != 200:
            return status, {"detail": "no"}
        self.bodies.append(body)
        results = [
            {"run": report["run"], "status": "conflict" if report["lease_id"] in self.conflicts else "ok"}
            for report in body["results"]
        ]
        self.came += [("report", report["lease_id"]) for report in body["results"]]
        return 200, {"server_id": OURS, "results": results}


def _handler(coordinator: Coordinator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer(coordinator.put(self.path, self.body()), {"status": "ok"})

        def do_POST(self) -> None:
            self.answer(*coordinator.post(json.loads(self.body())))

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def answer(self, status: int, content: dict[str, object]) -> None:
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def coordinator():
    coordinator = Coordinator()
    yield coordinator
    coordinator.close()


@pytest.fixture
def restart(coordinator, tmp_path):
    """A function that gives a node's delivery, as it is after a (re)start."""
    with ExitStack() as stack:

        def restart() -> Delivery:
            session = stack.enter_context(Session(coordinator.url))
            return Delivery(Link(session, "node"), tmp_path / "spool")

        yield restart


@pytest.fixture
def delivery(restart) -> Delivery:
    return restart()


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "files"


def report_of(folder: Path, lease: str = "l1", **contents: str) -> dict[str, object]:
    """A report with files, as a runner leaves them."""
    files = []
    for number, (name, content) in enumerate(contents.items()):
        path = folder / lease / f"{number:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        files.append({"name": name, "path": str(path)})
    return {"run": "r1", "lease_id": lease, "result": "1", "error": None, "logs": [], "files": files}


def send(delivery: Delivery, report: dict[str, object], room: Room | None = None) -> object:
    return delivery.send(report, OURS, room, 5.0)


def left(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def test_files_go_before_their_report_and_are_then_removed(delivery, coordinator, folder):
    assert send(delivery, report_of(folder, a="A", b="B")) is not None
    assert coordinator.came == [("file", "a", b"A"), ("file", "b", b"B"), ("report", "l1")]
    assert left(folder) == []


def test_names_with_anything_in_them_arrive_as_they_are(delivery, coordinator, folder):
    names = dict.fromkeys(("deep/er/a.txt", "ü ö", "50%", "a?b=c&d", "#1", "a+b", "%2e%2e", "a;b", "'\"<>"), "x")
    send(delivery, report_of(folder, **names))
    assert [name for kind, name, *_ in coordinator.came if kind == "file"] == list(names)


def test_a_report_says_nothing_of_paths_on_this_machine(delivery, coordinator, folder):
    send(delivery, report_of(folder, a="A"), Room(1, 1.0, 512))
    (report,) = coordinator.bodies[0]["results"]
    assert "files" not in report
    assert str(folder) not in json.dumps(coordinator.bodies)
    assert coordinator.bodies[0]["next"] == {"slots": 1, "cpu": 1.0, "memory": 512}


@pytest.mark.parametrize("status", [REFUSED, TOO_LARGE, 404])
def test_a_refused_file_is_dropped_and_the_others_and_the_report_go(delivery, coordinator, folder, status):
    coordinator.answers["b"] = status
    assert send(delivery, report_of(folder, a="A", b="B", c="C")) is not None
    assert coordinator.came == [("file", "a", b"A"), ("file", "c", b"C"), ("report", "l1")]
    assert left(folder) == []


def test_after_a_conflict_no_more_files_are_sent(delivery, coordinator, folder):
    coordinator.answers["b"] = GONE
    coordinator.conflicts.add("l1")
    assert send(delivery, report_of(folder, a="A", b="B", c="C")) is not None
    assert coordinator.came == [("file", "a", b"A"), ("report", "l1")]
    assert left(folder) == []


def test_a_file_that_is_gone_does_not_hold_up_its_report(delivery, coordinator, folder):
    report = report_of(folder, a="A", b="B")
    Path(report["files"][0]["path"]).unlink()
    assert send(delivery, report) is not None
    assert coordinator.came == [("file", "b", b"B"), ("report", "l1")]


def test_while_the_coordinator_is_away_a_report_and_its_files_are_kept(delivery, coordinator, folder):
    coordinator.away = True
    report = report_of(folder, a="A", b="B")
    assert send(delivery, report) is None
    assert delivery.kept(OURS) == [report]
    assert left(folder) == ["l1"]
    coordinator.away = False
    assert delivery.catch_up(OURS)
    assert coordinator.came == [("file", "a", b"A"), ("file", "b", b"B"), ("report", "l1")]
    assert (delivery.kept(OURS), left(folder)) == ([], [])


def test_a_restarted_node_delivers_what_the_last_one_kept(delivery, coordinator, folder, restart):
    coordinator.away = True
    send(delivery, report_of(folder, "l1", a="A"))
    send(delivery, report_of(folder, "l2", a="B"))
    after = restart()
    after.sweep(folder)
    assert left(folder) == ["l1", "l2"]
    coordinator.away = False
    after.catch_up(OURS)
    assert sorted(coordinator.came) == [("file", "a", b"A"), ("file", "a", b"B"), ("report", "l1"), ("report", "l2")]
    assert left(folder) == []


def test_a_coordinator_that_goes_away_between_two_files_gets_all_of_them_later(delivery, coordinator, folder):
    coordinator.answers["b"] = AWAY
    assert send(delivery, report_of(folder, a="A", b="B")) is None
    del coordinator.answers["b"]
    delivery.catch_up(OURS)
    assert coordinator.came == [("file", "a", b"A"), ("file", "a", b"A"), ("file", "b", b"B"), ("report", "l1")]


def test_a_report_that_is_too_large_is_cut_and_its_files_go_once(delivery, coordinator, folder):
    coordinator.answers["report"] = TOO_LARGE
    send(delivery, {**report_of(folder, a="A"), "result": "x" * 100_000})
    assert coordinator.came == [("file", "a", b"A"), ("report", "l1")]
    (report,) = coordinator.bodies[0]["results"]
    assert (len(report["result"]), report["truncated"]) == (16 * 1024, True)


def test_another_coordinator_never_gets_it(delivery, coordinator, folder):
    coordinator.away = True
    send(delivery, report_of(folder, a="A"))
    coordinator.away = False
    delivery.catch_up(OTHER)
    assert coordinator.came == []
    assert delivery.kept(OTHER) == []
    assert left(folder) == ["l1"]


def test_the_sweep_removes_only_what_no_report_answers_for(delivery, coordinator, folder):
    coordinator.away = True
    send(delivery, report_of(folder, "owed", a="A"))
    delivery.send(report_of(folder, "owed-to-another", a="A"), OTHER, None, 5.0)
    report_of(folder, "orphan", a="A")
    delivery.sweep(folder)
    assert left(folder) == ["owed", "owed-to-another"]


class TestACheckpoint:
    """What an evicted attempt keeps for the next one, where it has not arrived before."""

    @pytest.fixture
    def report(self, folder) -> dict[str, object]:
        path = folder / "l1" / "2.tar"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"tar" * 200_000)
        return {"run": "r1", "lease_id": "l1", "result": "", "error": None, "logs": [], "checkpoint": str(path)}

    def test_it_goes_before_its_report_and_is_then_removed(self, delivery, coordinator, folder, report):
        send(delivery, report)
        assert coordinator.came == [("file", "checkpoints", b"tar" * 200_000), ("report", "l1")]
        assert str(folder) not in json.dumps(coordinator.bodies)
        assert left(folder) == []

    @pytest.mark.parametrize("status", [404, GONE, TOO_LARGE])
    def test_one_that_is_refused_is_dropped_and_the_report_goes(self, delivery, coordinator, folder, report, status):
        coordinator.answers["checkpoints"] = status
        assert send(delivery, report) is not None
        assert (coordinator.came, left(folder)) == ([("report", "l1")], [])

    def test_one_that_is_gone_does_not_hold_up_its_report(self, delivery, coordinator, report):
        Path(str(report["checkpoint"])).unlink()
        assert send(delivery, report) is not None
        assert coordinator.came == [("report", "l1")]

    def test_it_is_kept_with_its_report(self, delivery, coordinator, folder, report, restart):
        coordinator.away = True
        assert send(delivery, report) is None
        after = restart()
        after.sweep(folder)
        assert left(folder) == ["l1"]
        coordinator.away = False
        after.catch_up(OURS)
        assert coordinator.came == [("file", "checkpoints", b"tar" * 200_000), ("report", "l1")]


def test_a_sweep_of_nothing_is_no_error(delivery, folder):
    delivery.sweep(folder)
    assert left(folder) == []


def test_a_sweep_follows_no_link_out_of_the_folder(delivery, folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    folder.mkdir()
    (folder / "orphan").symlink_to(tmp_path / "outside")
    delivery.sweep(folder)
    assert os.listdir(tmp_path / "outside") == ["kept"]


class TestWithoutADisk:
    """There is a file where the spool's folder should be."""

    @pytest.fixture
    def delivery(self, tmp_path, restart):
        (tmp_path / "spool").write_text("")
        return restart()

    def test_a_report_that_can_neither_be_sent_nor_written_is_delivered_later(self, delivery, coordinator, folder):
        coordinator.away = True
        report = report_of(folder, a="A")
        assert send(delivery, report) is None
        assert delivery.kept(OURS) == [report]
        coordinator.away = False
        delivery.catch_up(OURS)
        assert coordinator.came == [("file", "a", b"A"), ("report", "l1")]
        assert (delivery.kept(OURS), left(folder)) == ([], [])

    def test_another_coordinator_never_gets_it(self, delivery, coordinator, folder):
        coordinator.away = True
        send(delivery, report_of(folder))
        coordinator.away = False
        delivery.catch_up(OTHER)
        assert coordinator.came == []
        assert delivery.kept(OTHER) == []
