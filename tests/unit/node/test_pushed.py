import json
import math
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid.cli import main
from idlegrid_node import pushed
from idlegrid_node.bulletin import Told
from idlegrid_node.errors import SettingsError
from idlegrid_node.ladder import Ladder
from idlegrid_node.layers import (
    AT_LEAST,
    AT_MOST,
    AT_START,
    NOTHING,
    PUSHABLE,
    Operators,
    Owners,
    merged,
    overruled,
    settled,
)
from idlegrid_node.policy import ALWAYS, DESKTOP, OFFICE_HOURS, Policy
from idlegrid_node.presence import Signs
from idlegrid_node.pushed import PushedPolicy
from idlegrid_node.settings import Settings

DESK = Owners(DESKTOP, {})
AWAY = Signs(input_idle_s=1e6, other_cpu_pct=0.0, on_battery=False, free_memory_pct=80.0)
JSON = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=4))


def seen(ladder, now, idle_s=1e6, **more):
    return ladder.look(replace(AWAY, input_idle_s=idle_s, **more), now).state


def held(policy=DESKTOP):
    """A ladder on a machine that was left long ago, with one attempt on it."""
    ladder = Ladder(policy, 0.0)
    ladder.sandbox(0.0, works=True)
    seen(ladder, 0.0)
    ladder.hold(1, 0.0)
    return ladder


def test_the_profile_gives_way_to_the_operator_and_the_operator_to_the_owner():
    wanted = {"start_after_s": 900, "max_frozen_s": 60.0}
    owners = Owners(DESKTOP, {"start_after_s": 400.0})
    policy = merged(owners, wanted)
    assert (policy.start_after_s, policy.max_frozen_s, policy.busy_for_s) == (400.0, 60.0, DESKTOP.busy_for_s)
    assert overruled(owners, wanted) == "the owner says otherwise: start_after_s"
    assert overruled(owners, {"start_after_s": 400}) == ""


@pytest.mark.parametrize(
    ("profile", "wanted", "reason"),
    [
        (DESKTOP, {"profile": "always"}, "profile is for the owner of the machine to say"),
        *((DESKTOP, {name: False}, name) for name in ("watch_terminals", "watch_sessions", "inhibitors_count")),
        (DESKTOP, {"input": "not_applicable"}, "input is for the owner"),
        (DESKTOP, {"network": "any"}, "network is for the owner"),
        (DESKTOP, {"poll_claimed_s": 60}, "poll_claimed_s is for the owner"),
        (DESKTOP, {"start_afters": 900}, "start_afters is not known to this node"),
        (DESKTOP, {"start_after_s": "900"}, "start_after_s must be a float"),
        (
            DESKTOP,
            {"start_after_s": 0},
            "start_after_s must not be below the 300 of the profile desktop (0 was pushed)",
        ),
        (DESKTOP, {"start_after_s": math.inf}, "start_after_s must not be"),
        (DESKTOP, {"max_frozen_s": math.nan}, "max_frozen_s must not be above"),
        (DESKTOP, {"busy_above_pct": 90}, "busy_above_pct must not be above"),
        (DESKTOP, {"resume_after_s": 900}, "resume_after_s must not be above start_after_s"),
        (DESKTOP, {"closed_days": "Mun"}, "closed_days must be made of"),
        (OFFICE_HOURS, {"closed_days": ""}, "not open it"),
        (OFFICE_HOURS, {"closed_from": "12:00"}, "not open it"),
        (ALWAYS, {"closed_days": "Mon"}, "so closed_days would not count"),
    ],
)
def test_what_is_not_the_operators_to_say_is_refused_with_all_the_rest(profile, wanted, reason):
    with pytest.raises(SettingsError) as refused:
        merged(Owners(profile, {}), {"max_frozen_s": 30, **wanted})
    assert reason in str(refused.value)


def test_an_operator_may_close_the_machine_for_longer():
    wanted = {"closed_days": "Mon-Sat", "closed_from": "07:00", "closed_until": "17:05"}
    assert merged(Owners(OFFICE_HOURS, {}), wanted).hours.cover(OFFICE_HOURS.hours)


def test_a_set_that_contradicts_the_owners_file_is_refused():
    owners = Owners(DESKTOP, {"clear_below_pct": 15.0})
    with pytest.raises(SettingsError, match="clear_below_pct must not be above busy_above_pct"):
        merged(owners, {"busy_above_pct": 10, "clear_below_pct": 5})


@given(wanted=st.dictionaries(st.sampled_from(sorted(PUSHABLE)) | st.text(max_size=6), JSON, max_size=3))
def test_whatever_is_pushed_it_is_refused_or_no_worse_for_the_owner(wanted):
    try:
        policy = merged(DESK, wanted)
    except SettingsError:
        return
    assert all(getattr(policy, name) >= getattr(DESKTOP, name) for name in AT_LEAST)
    assert all(getattr(policy, name) <= getattr(DESKTOP, name) for name in AT_MOST)
    untouched = {field.name for field in fields(Policy)} - PUSHABLE
    assert all(getattr(policy, name) == getattr(DESKTOP, name) for name in untouched)


@given(name=st.sampled_from(sorted(PUSHABLE)), value=JSON)
def test_what_the_owner_says_stands_whatever_is_pushed(name, value):
    owners = Owners(DESKTOP, {name: getattr(DESKTOP, name)})
    policy, _ = settled(owners, Operators({name: value}))
    assert getattr(policy, name) == getattr(DESKTOP, name)


@pytest.fixture
def followed(tmp_path):
    """A node's policy in this folder, as a start finds it."""
    return lambda owners=DESK: PushedPolicy(Settings("http://lab", "n", tmp_path, owners.policy, owners))


def test_what_was_pushed_holds_over_a_restart_until_it_is_taken_back(followed, tmp_path):
    policy = followed()
    assert policy.take({"start_after_s": 900, "exclusive_programs": ["kdenlive"]})
    assert not policy.take({"exclusive_programs": ["kdenlive"], "start_after_s": 900})
    again = followed()
    assert (again.policy.start_after_s, again.policy.exclusive_programs) == (900.0, ("kdenlive",))
    assert again.take({})
    assert (again.policy, list(tmp_path.iterdir())) == (DESKTOP, [])


def test_what_is_refused_changes_nothing_and_is_told_until_it_is_mended(followed, tmp_path):
    policy = followed()
    policy.take({"start_after_s": 900})
    assert not policy.take({"start_after_s": 901, "network": "any"})
    assert (policy.policy.start_after_s, pushed.read(tmp_path).values) == (900.0, {"start_after_s": 900})
    assert "network is for the owner" in policy.as_json()["refused"]
    again = followed()
    assert again.policy.start_after_s == 900.0
    assert not again.take({"start_after_s": 900})
    assert again.as_json()["refused"] == ""


def test_kept_values_that_no_longer_go_with_the_owners_file_are_dropped(followed):
    followed().take({"busy_above_pct": 10, "clear_below_pct": 5})
    policy = followed(Owners(DESKTOP, {"clear_below_pct": 15.0}))
    assert policy.policy == replace(DESKTOP, clear_below_pct=15.0)
    assert "clear_below_pct must not be above" in policy.as_json()["refused"]


def test_what_counts_at_the_start_waits_for_the_next(followed):
    policy = followed()
    assert not policy.take({"memory_pct": 50})
    assert policy.policy.memory_pct == DESKTOP.memory_pct
    assert (followed().policy.memory_pct, set(AT_START) - PUSHABLE) == (50.0, set())


def test_the_coordinator_is_told_at_the_start_on_change_and_anew_when_another_answers(followed):
    policy, told = followed(), Told()

    def news():
        return told.news(policy=policy.as_json())

    first = news()["policy"]
    assert (first["values"]["start_after_s"], first["values"].keys()) == (300.0, vars(DESKTOP).keys())
    assert news() != {}  # until a heartbeat was answered
    told.heard("one")
    assert news() == {}
    policy.take({"start_after_s": 900})
    assert told.lacks("policy", policy.as_json())
    assert news()["policy"]["values"]["start_after_s"] == 900.0
    told.heard("one")
    assert news() == {}
    told.heard("another")
    assert news() != {}


def test_whatever_an_owners_file_holds_can_be_told_as_json():
    endless = replace(DESKTOP, max_frozen_s=math.inf, spare_cores=2**60, exclusive_programs=("x" * 40_000,))
    told = pushed.values_as_json(endless)
    json.dumps(told, allow_nan=False)
    assert len(json.dumps(told)) < pushed.MOST_CHARACTERS
    assert pushed.values_as_json(replace(DESKTOP, max_frozen_s=math.inf))["max_frozen_s"] == "inf"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"values": 3, "refused": ""}', '{"values": {}}'])
def test_a_file_that_cannot_be_read_keeps_nothing(tmp_path, text):
    (tmp_path / pushed.FILE).write_text(text)
    assert pushed.read(tmp_path) == NOTHING


def test_a_folder_that_takes_no_file_is_no_reason_not_to_follow(tmp_path):
    policy = PushedPolicy(Settings("http://lab", "n", tmp_path / "gone", DESKTOP))
    assert policy.take({"start_after_s": 900})
    assert policy.policy.start_after_s == 900.0


def test_a_frozen_run_stays_frozen_under_another_policy_and_its_time_goes_on():
    ladder = held()
    assert seen(ladder, 1.0, idle_s=0.0) == "frozen"
    assert ladder.adopt(replace(DESKTOP, start_after_s=900.0, resume_after_s=500.0), 2.0).state == "frozen"
    assert seen(ladder, 400.0, idle_s=399.0) == "frozen"
    assert ladder.adopt(DESKTOP, 401.0).state == "running"
    seen(ladder, 402.0, idle_s=0.0)
    assert ladder.adopt(replace(DESKTOP, max_frozen_s=5.0), 408.0).state == "evicting"
    assert ladder.adopt(DESKTOP, 409.0).state == "evicting"


def test_another_policy_forgets_no_load_and_lets_nothing_start_before_its_time():
    ladder = held()
    ladder.hold(0, 0.0)
    for now in range(1, 20):
        seen(ladder, float(now), other_cpu_pct=90.0)
    assert (ladder.position.state, ladder.position.reason) == ("busy", "cpu_load")
    for now in range(20, 70):
        seen(ladder, float(now))
    assert ladder.adopt(replace(DESKTOP, busy_above_pct=20.0), 70.0).state == "busy"
    for now in range(71, 131):
        assert seen(ladder, float(now)) == "busy"
    assert seen(ladder, 131.0) == "idle"


def test_hours_that_close_the_machine_hold_at_once():
    ladder = held()
    ladder.look(AWAY, 1.0, datetime(2026, 1, 5, 12, tzinfo=UTC))
    assert ladder.adopt(OFFICE_HOURS, 2.0).state == "evicting"
    assert ladder.position.reason == "hours"


def test_the_shown_policy_says_what_the_operator_said_and_what_of_it_counts(tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text("start_after_s = 400\n")
    at_start = {name: getattr(DESKTOP, name) for name in AT_START}
    (tmp_path / "start.json").write_text(json.dumps({"policy_file": str(file), "at_start": at_start}))
    wanted = {"start_after_s": 900, "max_frozen_s": 60, "memory_pct": 50}
    pushed.keep(tmp_path, Operators(wanted, "the owner says otherwise: start_after_s"))
    assert main(["node", "policy", "show", "--data", str(tmp_path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert {
        f"start_after_s = 400.0  # file {file}, against the operator",
        "max_frozen_s = 60.0  # operator",
        "memory_pct = 50.0  # operator, from the node's next start on",
        "busy_for_s = 15.0  # profile desktop",
        "# of what the operator pushed, this is not taken: the owner says otherwise: start_after_s",
    } <= set(shown)
