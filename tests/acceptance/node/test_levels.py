"""What a node says of its sandbox, and that it believes in none that leaks."""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from idlegrid_node.sandbox.remedies import REMEDY_APPARMOR, REMEDY_INSTALL, REMEDY_ROOT

from ..sandbox.site import LAUNCHER, ROOT, free_uid
from .machines import ALWAYS, Bubblewrap, Machine, at_level, machine, need_level, other_machine

UNSET = "unset IDLEGRID_NODE_MAX_LEVEL and start the node again"
BACKENDS = {4: "bubblewrap", 3: "bubblewrap", 2: "landlock", 1: "process"}
CHOOSE = """
import json, os
from idlegrid_node.sandbox import interpreters, selftest
from idlegrid_node.sandbox.users import SlotUsers
root = os.geteuid() == 0
means = selftest.Means(staged=interpreters.stage(), users=SlotUsers() if root else None, max_level=3)
print(json.dumps(selftest.choose(means).as_json()))
"""
"""What a node does at its start, without the rest of it."""


@pytest.fixture
def bubblewrap(tmp_path) -> Bubblewrap:
    return Bubblewrap(tmp_path / "site")


def standing(bubblewrap: Bubblewrap) -> dict[str, object]:
    """What the self-test says on a machine with this bubblewrap."""
    environment = {**os.environ, **bubblewrap.settings}
    done = subprocess.run([sys.executable, "-c", CHOOSE], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def works_at(there: Machine, level: int) -> bool:
    report = there.run("print('works')")
    return (report["result"], report["sandbox"]) == ("works", level)


def test_the_best_level_is_found_and_what_is_missing_for_a_better_one(tmp_path):
    with machine(tmp_path) as there:
        found = there.standing
        assert found["level"] >= 3
        assert (found["backend"], found["passed"]) == ("bubblewrap", found["checks"])
        assert found["checks"] > 30
        assert found["kernel"] == os.uname().release
        assert found["version"][0].isdigit()
        assert abs(there.grid.heartbeats[-1]["sandbox"]["tested_at"] - os.stat(tmp_path / "node.log").st_mtime) < 3600
        best = found["level"] == 4
        assert (found["metering"] == "watcher") is not best
        assert bool(found["reason"]) is bool(found["remedy"]) is not best
        assert works_at(there, found["level"])


@pytest.mark.parametrize("level", [3, 2])
def test_the_owner_may_ask_for_less(tmp_path, level):
    with machine(tmp_path, settings=at_level(level)) as there:
        need_level(there, level)
        found = there.standing
        assert (found["backend"], found["metering"]) == (BACKENDS[level], "watcher")
        assert (found["reason"], found["remedy"]) == (f"IDLEGRID_NODE_MAX_LEVEL is {level}", UNSET)
        assert found["passed"] == found["checks"] > 30
        assert works_at(there, level)


def test_an_owner_who_trusts_the_submitters_gets_a_node_without_a_sandbox(tmp_path):
    with machine(tmp_path, *ALWAYS, "--trust-submitters", settings=at_level(1)) as there:
        found = there.standing
        assert (found["level"], found["backend"], found["version"]) == (1, "process", "")
        assert (found["reason"], found["remedy"]) == ("IDLEGRID_NODE_MAX_LEVEL is 1", UNSET)
        assert works_at(there, 1)


def test_trust_does_not_make_a_node_choose_less_than_it_can_have(tmp_path):
    with machine(tmp_path, *ALWAYS, "--trust-submitters") as there:
        assert there.standing["level"] >= 3


@pytest.mark.parametrize("level", [0, 1])
def test_without_a_sandbox_and_without_trust_a_node_takes_no_work(tmp_path, level):
    with machine(tmp_path, settings=at_level(level)) as there:
        beat = there.grid.wait_for_status("unknown")
        assert beat["reason"] == "no_sandbox"
        found = beat["sandbox"]
        assert (found["level"], found["backend"], found["checks"]) == (0, "none", 0)
        assert (found["reason"], found["remedy"]) == (f"IDLEGRID_NODE_MAX_LEVEL is {level}", UNSET)
        there.grid.wait(lambda: there.grid.asked, "a poll")
        assert set(there.grid.asked) == {("poll", 0)}


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's node is what all other tests here have")
def test_a_node_that_was_not_started_as_root_says_what_that_costs(tmp_path):
    folder = tmp_path / "node"
    folder.mkdir()
    uid = free_uid()
    for closed in (folder, tmp_path, *tmp_path.parents[:3]):
        if closed.stat().st_uid == 0 and closed != Path(tempfile.gettempdir()):
            closed.chmod(closed.stat().st_mode | 0o055)
    os.chown(folder, uid, uid)
    shown = [sys.prefix, sys.base_prefix, str(ROOT)]
    launcher = [sys.executable, str(LAUNCHER), str(uid), *shown, "--"]
    with machine(folder, launcher=launcher, settings={"PYTHONDONTWRITEBYTECODE": "1"}) as there:
        found = there.standing
        assert (found["level"], found["metering"]) == (3, "watcher")
        assert "not started as root" in found["reason"]
        assert found["remedy"] == REMEDY_ROOT
        assert works_at(there, 3)


def test_a_bubblewrap_of_the_tests_own_is_as_good_as_any(bubblewrap):
    bubblewrap.add("nothing", "--version")
    assert standing(bubblewrap)["level"] == 3


@pytest.mark.parametrize(
    ("leak", "check"),
    [
        (("--unshare-all", "--share-net"), "tcp"),
        (("--unshare-all", "--bind", "/", "/host"), "mounts"),
        (("--clearenv", "--setenv", "IDLEGRID_API_KEY", "hunter2"), "environment"),
        (("--unshare-all", "--ro-bind", "/etc/passwd", "/etc/passwd"), "places"),
    ],
    ids=["network", "whole disk", "environment", "users"],
)
def test_a_bubblewrap_that_shows_too_much_is_not_used(bubblewrap, leak, check):
    bubblewrap.add(*leak)
    found = standing(bubblewrap)
    assert found["level"] < 3
    assert f"{check} (" in found["reason"]


def test_what_bubblewrap_itself_complains_of_is_told_with_its_remedy(bubblewrap):
    bubblewrap.say("setting up uid map: Permission denied")
    found = standing(bubblewrap)
    assert found["level"] < 3
    assert (found["reason"], found["remedy"]) == ("bwrap: setting up uid map: Permission denied", REMEDY_APPARMOR)


@pytest.mark.parametrize(("option", "check"), [("--seccomp", "filter"), ("--size", "shared_memory")])
def test_a_bubblewrap_that_forgets_a_protection_is_not_used(bubblewrap, option, check):
    bubblewrap.drop(option)
    found = standing(bubblewrap)
    assert found["level"] < 3
    assert f"{check} (" in found["reason"]


def test_a_node_whose_sandbox_leaks_takes_no_work_and_says_where(bubblewrap, tmp_path):
    bubblewrap.add("--unshare-all", "--share-net")
    launcher = other_machine(landlock=False)
    with machine(tmp_path / "node", launcher=launcher, settings=bubblewrap.settings) as there:
        beat = there.grid.wait_for_status("unknown")
        assert (beat["reason"], beat["sandbox"]["level"]) == ("no_sandbox", 0)
        assert "tcp (" in beat["sandbox"]["reason"]
        assert set(there.grid.asked) <= {("poll", 0)}


def test_without_bubblewrap_the_kernels_own_means_are_used_and_the_remedy_is_told(bubblewrap, tmp_path):
    bubblewrap.vanish()
    with machine(tmp_path / "node", settings=bubblewrap.settings) as there:
        need_level(there, 2)
        found = there.standing
        assert "No such file" in found["reason"] or "not installed" in found["reason"]
        assert found["remedy"] == REMEDY_INSTALL
        assert works_at(there, 2)


def test_a_folder_of_packages_is_there_at_every_level(tmp_path):
    assert find_spec("idlegrid_node")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "shown.py").write_text("value = 42")
    for level in (3, 2):
        with machine(tmp_path / f"{level}", *ALWAYS, "--packages", str(packages), settings=at_level(level)) as there:
            report = there.run("import shown\nprint(shown.value)")
            assert (report["result"], report["error"]) == ("42", None)
            where = there.run("import shown\nprint(shown.__file__)")["result"]
            assert Path(where).name == "shown.py"
            assert str(tmp_path) not in where or level == 2
