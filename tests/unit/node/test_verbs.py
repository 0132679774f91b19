import argparse
import tomllib

import pytest

from idlegrid.cli import main
from idlegrid_node import command, given
from idlegrid_node.policy import PROFILES, load
from idlegrid_node.probes.platforms import experimental
from idlegrid_node.verbs import doctor, log, policy, status

SANDBOX = {"level": 3, "backend": "bubblewrap", "version": "0.11", "reason": "not root", "remedy": "sudo …"}
CONTACT = {"url": "http://lab:8000", "reachable": True, "answered_at": 1000.0, "error": ""}
READING = {"value": 4.0, "why": "cpu of other programs", "absent": False, "age_s": 0.2}
RUN = {
    "run": "5f2e",
    "number": 2,
    "lease_id": "1",
    "submitter": "ann",
    "task_type": "shell",
    "since": 1000.0,
    "state": "frozen",
    "usage": {"cpu_seconds": 1.0, "wall_seconds": 2.0, "max_memory_mb": 30.4},
}
STATUS = {
    "running": True,
    "node_id": "lab-07",
    "pid": 17,
    "version": "1.0.0",
    "profile": "desktop",
    "state": "frozen",
    "reason": "input",
    "signal": "tty",
    "signal_age_s": 0.4,
    "since": 1000.0,
    "pause": {"since": 1000.0, "until": None},
    "runs": [RUN],
    "today": {"attempts": 3, "cpu_seconds": 1.0, "wall_seconds": 2.0, "max_memory_mb": 30.4},
    "reclaims": {"count": 7, "frozen_p50": 0.21, "frozen_p99": 0.9, "memory_p50": None, "memory_p99": None},
    "coordinator": {**CONTACT, "reachable": False, "error": "nothing answers"},
    "sandbox": SANDBOX,
}


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args(words)


def test_without_a_verb_the_command_is_the_node():
    assert parsed("--server", "http://lab:8000").verb is None


@pytest.mark.parametrize("words", [("--data", "x", "status"), ("status", "--data", "x")])
def test_the_folder_may_stand_before_and_after_the_verb(words):
    assert given.data_folder(parsed(*words)).name == "x"


def test_a_status_says_state_reason_signal_and_what_runs():
    told = "\n".join(status.sentences(STATUS, 1300.0))
    for words in (
        "frozen: input, by tty (0 s old then), since ",
        "(5 min)",
        "until `idlegrid node resume`",
        "5f2e (attempt 2, shell) of ann, frozen",
        "3 attempts ended",
        "7 returns of the owner: all stood after 0.2 s (p99 0.9 s), memory was back after ?",
        "not reachable: nothing answers, last answer",
        "level 3 (bubblewrap); not higher: not root; remedy: sudo …",
    ):
        assert words in told


def test_where_no_node_runs_the_status_says_so(tmp_path, capsys):
    assert main(["node", "status", "--data", str(tmp_path / "none")]) == 3
    assert "not running: no node works in" in capsys.readouterr().out


def test_a_pause_where_no_node_ever_ran_is_refused_and_makes_no_folder(tmp_path, capsys):
    assert main(["node", "pause", "--data", str(tmp_path / "none")]) == 1
    assert "no node has ever run in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_a_shown_policy_is_a_policy_file_that_says_the_same(profile, tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text("\n".join(policy.as_toml(PROFILES[profile], {})))
    assert load("desktop", file) == PROFILES[profile]


def test_each_value_of_a_policy_names_its_origin(tmp_path, capsys):
    file = tmp_path / "policy.toml"
    file.write_text('start_after_s = 400\ninput_file = "/tmp/a\\"\\u007f"\n')
    (tmp_path / "start.json").write_text(f'{{"policy_file": "{file}"}}')
    assert main(["node", "--network", "public", "policy", "show", "--data", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert f"start_after_s = 400.0  # file {file}" in shown
    assert "max_frozen_s = 600.0  # profile desktop" in shown
    assert 'network = "public"  # --network' in shown
    assert tomllib.loads(shown)["input_file"] == '/tmp/a"\x7f'


def test_a_policy_file_is_checked(tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text("start_after_s = 500\n")
    assert main(["node", "policy", "check", str(file)]) == 0
    file.write_text("start_after = 500\n")
    assert main(["node", "policy", "check", str(file)]) == 1
    assert "start_after is not known" in capsys.readouterr().err


def told(**more):
    common = {"running": True, "profile": "desktop", "reason": "owner_away", "readings": {"cpu": READING}}
    return {**common, "sandbox": SANDBOX, "coordinator": CONTACT, **more}


@pytest.mark.parametrize(
    ("more", "failed"),
    [
        ({}, []),
        ({"reason": "probe_unknown", "signal": "inhibited", "why": "logind: does not answer"}, ["owner"]),
        ({"reason": "unregistered"}, ["coordinator"]),
        ({"sandbox": {**SANDBOX, "level": 0}}, ["sandbox"]),
        ({"coordinator": {**CONTACT, "reachable": False}}, ["coordinator"]),
        ({"coordinator": {**CONTACT, "reachable": None}}, []),
        ({"readings": {"battery": {**READING, "value": None}}}, []),
        ({"readings": {}, "profile": "always"}, []),
    ],
)
def test_the_doctor_fails_what_keeps_the_node_from_work(more, failed):
    assert [check.name for check in doctor.of(told(**more)) if check.ok is False] == failed


def test_the_doctors_table_has_each_answer_its_age_and_the_remedies():
    table = "\n".join(doctor.table([*doctor.of(told())]))
    assert "probe cpu" in table
    assert "cpu of other programs" in table
    assert "sandbox: sudo …" in table


def test_the_doctor_says_what_mends_a_probe_that_is_broken_and_asks_for_nothing_that_is_not_here():
    dead = {**READING, "value": None, "why": "X11: no X display can be opened"}
    blind = {"reason": "probe_unknown", "signal": "input_idle_s", "why": dead["why"]}
    lines = [*doctor.table([*doctor.of(told(readings={"X11": dead}, **blind))])]
    assert "? " in lines[0]
    assert any("X11: let the node's user in" in line and "start the node without DISPLAY" in line for line in lines)
    assert "input_idle_s: X11: no X display can be opened" in lines[0]
    absent = [*doctor.table([*doctor.of(told(readings={"X11": {**dead, "absent": True}}))])]
    assert not any("DISPLAY" in line for line in absent[1:])


def test_the_doctor_says_of_what_platforms_the_probes_are_untried():
    assert [*doctor.untried(experimental("linux"))] == []
    (check,) = doctor.untried(experimental("darwin"))
    assert (check.ok, check.answer) == (None, "experimental")
    assert "macOS" in check.why


def test_a_row_of_the_log_tells_what_runs_from_what_was_cut_off():
    line = {"event": "start", "time": 1.0, "began": 1.0, "lease_id": "1", "run": "5f2e" * 9, "sha256": "ab" * 32}
    line["usage"] = {}
    assert log.row(line, {"1": "frozen"})[5] == "frozen"
    assert log.row(line, {})[5] == "no end known"
    assert log.row({**line, "outcome": "completed"}, {"1": "stopping"})[5] == "completed"
