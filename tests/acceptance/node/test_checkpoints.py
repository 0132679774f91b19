"""What a run keeps for its next attempt: sent while it runs and when it is evicted, laid before it goes on."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from idlegrid.session import Session
from idlegrid_node.checkpoints import CheckpointStore
from idlegrid_node.link import Link
from idlegrid_node.wire import Lease

from ..grids import Apart, eventually, started_node
from .machines import ALWAYS, Keyboard, machine

COUNTS = (
    "import idlegrid, sys, time\nplace = idlegrid.checkpoint_dir() / 'step'\n"
    "step = int(place.read_text()) if place.exists() else 0\nprint('up', step, flush=True)\n"
)
YIELDS = COUNTS + (
    "while not idlegrid.should_yield(): time.sleep(0.01)\nplace.write_text(str(step + 1))\nprint('saved', flush=True)"
)
ASKS = COUNTS + (
    "if step: sys.exit()\nplace.write_text('7')\nprint(idlegrid.checkpoint(), flush=True)\n"
    "while not idlegrid.should_yield(): time.sleep(0.01)\n"
)


def archive(**files: bytes) -> bytes:
    """A checkpoint as another node would have sent it."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def inside(content: bytes) -> dict[str, bytes]:
    """The files of a checkpoint that came."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@pytest.fixture
def keyboard(tmp_path) -> Keyboard:
    return Keyboard(tmp_path)


def evicted(there, keyboard, attempt):
    """Let the owner type until an attempt is reported."""

    def typing():
        keyboard.press()
        return [report for report in there.grid.reports if report["lease_id"] == attempt["lease_id"]]

    return there.grid.wait(typing, "the report")[0]


def test_the_owner_comes_back_and_the_next_attempt_goes_on_where_it_was(tmp_path, keyboard):
    policy = keyboard.policy(max_frozen_s=1.0)
    with machine(tmp_path, "--profile", "desktop", policy=policy) as there:
        attempt = there.grid.submit(YIELDS, 120.0)
        there.began(attempt)
        report = evicted(there, keyboard, attempt)
        assert (report["outcome"], report["reason"]) == ("evicted", "max_frozen")
        assert "saved" in "".join(piece["text"] for piece in report["logs"]) + there.grid.logged(attempt)
        assert "checkpoint" not in report
        (sent,) = there.grid.checkpoints[attempt["run"]]
        assert inside(sent) == {"step": b"1"}
        assert there.grid.came == [("checkpoint", attempt["run"]), ("report", attempt["run"])]
        keyboard.rest()
        again = there.grid.submit(ASKS, 120.0, checkpoint=sent)
        assert there.grid.report_of(again)["result"] == "up 1"
        there.grid.wait(lambda: not list((tmp_path / "data" / "checkpoints").iterdir()), "no checkpoint to be left")


def test_one_that_was_asked_for_comes_while_the_run_goes_on(grid):
    attempt = grid.submit(ASKS, 120.0)
    (sent,) = grid.wait(lambda: grid.checkpoints.get(attempt["run"]), "the checkpoint")
    assert inside(sent) == {"step": b"7"}
    assert grid.states_of(attempt)[-1:] in ([], ["running"])
    grid.wait(lambda: "True" in grid.logged(attempt), "the code to hear of it")
    grid.order("stop", attempt, "cancelled")
    assert grid.report_of(attempt)["outcome"] == "cancelled"
    assert len(grid.checkpoints[attempt["run"]]) == 1


def test_a_run_that_ended_by_itself_sends_none(grid):
    attempt = grid.submit("import idlegrid\n(idlegrid.checkpoint_dir() / 'a').touch()\nprint('done')")
    assert grid.report_of(attempt)["result"] == "done"
    assert attempt["run"] not in grid.checkpoints


@pytest.mark.parametrize("kept", [None, b"another", archive(step=b"2")], ids=["gone", "no archive", "another"])
def test_one_that_cannot_be_had_gives_the_attempt_back(grid, kept):
    attempt = grid.submit("print(1)", checkpoint=archive(step=b"1"))
    if kept is None:
        del grid.kept[attempt["run"]]
    else:
        grid.kept[attempt["run"]] = kept
    report = grid.report_of(attempt)
    assert (report["outcome"], report["reason"], report["sandbox"]) == ("returned", "checkpoint_unavailable", 0)


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a\nb"])
def test_one_with_a_name_that_leads_out_gives_the_attempt_back(grid, name):
    report = grid.run("print(1)", checkpoint=archive(**{name: b"x"}))
    assert report["reason"] == "checkpoint_unavailable"


def test_while_the_coordinator_is_away_it_is_kept_and_goes_before_the_report_later(tmp_path, keyboard):
    with machine(tmp_path, "--profile", "desktop", policy=keyboard.policy(max_frozen_s=1.0)) as there:
        attempt = there.grid.submit(YIELDS, 120.0)
        there.began(attempt)
        there.grid.failing = True
        data = tmp_path / "data"

        def typing():
            keyboard.press()
            return list(data.glob("spool/*/*.json"))

        (spooled,) = there.grid.wait(typing, "a spooled report")
        path = json.loads(spooled.read_text())["checkpoint"]
        assert path.startswith(str(data / "checkpoints" / attempt["lease_id"]))
        there.node.kill()
        there.node = type(there.node)(there.grid.url, tmp_path, *ALWAYS)
        there.grid.failing = False
        assert there.grid.report_of(attempt)["outcome"] == "evicted"
        assert inside(there.grid.checkpoints[attempt["run"]][-1]) == {"step": b"1"}
        assert [what for what, _ in there.grid.came][-2:] == ["checkpoint", "report"]
        there.grid.wait(lambda: not list((data / "checkpoints").iterdir()), "no checkpoint to be left")


class TestASender:
    """What sends them, over real HTTP, to a coordinator that comes and goes."""

    LEASE = Lease("run-1", "1" * 32, "")

    @pytest.fixture
    def store(self, coordinator, tmp_path):
        with Session(coordinator.url) as session:
            yield CheckpointStore(Link(session, "node"), tmp_path / "checkpoints")

    @staticmethod
    def take(store, sender, content: bytes) -> Path:
        folder = store.of(TestASender.LEASE)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{content.decode()}.tar"
        path.write_bytes(content)
        sender.taken(path, len(content))
        return path

    def test_each_is_sent_and_then_removed(self, coordinator, store):
        sender = store.sender(self.LEASE)
        for content in (b"1", b"2"):
            path = self.take(store, sender, content)
            coordinator.wait(lambda path=path: not path.exists(), "it to arrive")
        assert coordinator.checkpoints == {"run-1": [b"1", b"2"]}
        assert sender.last(wanted=True, seconds=30.0) is None
        assert list(store.folder.iterdir()) == []

    def test_one_that_does_not_arrive_is_left_for_the_next_or_the_end(self, coordinator, store):
        coordinator.failing = True
        sender = store.sender(self.LEASE)
        older, newer = self.take(store, sender, b"1"), self.take(store, sender, b"2")
        assert sender.last(wanted=True, seconds=30.0) == newer
        assert (older.exists(), newer.read_bytes()) == (False, b"2")
        coordinator.failing = False
        assert coordinator.checkpoints == {}

    def test_what_nobody_wants_any_more_is_forgotten(self, coordinator, store):
        coordinator.failing = True
        sender = store.sender(self.LEASE)
        self.take(store, sender, b"1")
        assert sender.last(wanted=False, seconds=30.0) is None
        assert list(store.folder.iterdir()) == []


def test_a_run_whose_node_is_killed_goes_on_elsewhere_from_what_it_asked_to_be_kept(apart):
    grid: Apart = apart().start()
    run = grid.submit(ASKS)
    wait_for_checkpoint = f"/api/runs/{run}/logs"

    def kept():
        return "True" in json.dumps(grid.get(wait_for_checkpoint))

    eventually(kept, "the code to hear that it is kept")
    grid.node.kill()
    grid.every_node.append(started_node(grid.url, "node-2", grid.folder, "--slots", "1"))
    ended = grid.ended(run)
    assert (ended["status"], ended["result"]) == ("completed", "up 7")
