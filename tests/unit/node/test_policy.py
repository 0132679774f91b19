import pytest

from idlegrid_node.errors import SettingsError
from idlegrid_node.policy import ALWAYS, DESKTOP, OFFICE_HOURS, load


def written(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_profile_stands():
    assert load("desktop", None) is DESKTOP
    assert load("always", None) is ALWAYS


def test_a_file_overrides_single_values(tmp_path):
    policy = load(
        "desktop", written(tmp_path, 'start_after_s = 600\ninput_file = "/x"\nexclusive_programs = ["kdenlive"]')
    )
    assert (policy.start_after_s, policy.input_file, policy.exclusive_programs) == (600.0, "/x", ("kdenlive",))
    assert policy.max_frozen_s == DESKTOP.max_frozen_s


def test_a_file_names_the_profile_that_it_changes(tmp_path):
    policy = load("desktop", written(tmp_path, 'profile = "office-hours"\nclosed_until = "18:00"'))
    assert (policy.profile, policy.closed_days, policy.closed_until) == ("office-hours", "Mon-Fri", "18:00")
    assert load("always", written(tmp_path, 'profile = "desktop"')) == DESKTOP


def test_office_hours_are_the_desktop_and_closed_on_working_days():
    assert load("office-hours", None) is OFFICE_HOURS
    assert (OFFICE_HOURS.start_after_s, OFFICE_HOURS.watches) == (DESKTOP.start_after_s, True)


def test_values_that_only_count_with_input_may_be_anything_without(tmp_path):
    policy = load("desktop", written(tmp_path, 'input = "not_applicable"\nstart_after_s = 0'))
    assert policy.start_after_s < policy.resume_after_s


def test_the_memory_floor_and_the_waiting_sandboxes_are_the_owners_to_set(tmp_path):
    policy = load("always", written(tmp_path, "memory_floor_mb = 2048\nwarm_sandboxes = 0"))
    assert (policy.memory_floor_mb, policy.warm_sandboxes) == (2048.0, 0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("start_after = 5", "start_after is not known"),
        ("start_after_s = true", "start_after_s must be a float"),
        ("start_after_s = -1", "start_after_s must not be negative"),
        ("spare_cores = 1.5", "spare_cores must be a int"),
        ('input = "perhaps"', "input must be required or not_applicable"),
        ('network = "all"', "network must be one of none, public, any"),
        ("clear_below_pct = 50", "clear_below_pct must not be above"),
        ("poll_claimed_s = 0", "poll_claimed_s must be above 0"),
        ("profile = 'nights'", "profile must be one of desktop, office-hours, always, not 'nights'"),
        ("profile = 3", "profile must be one of"),
        ("memory_floor_mb = -1", "memory_floor_mb must not be negative"),
        ("memory_floor_mb = '1 GB'", "memory_floor_mb must be a float"),
        ("warm_sandboxes = -1", "warm_sandboxes must not be negative"),
        ("warm_sandboxes = 1.5", "warm_sandboxes must be a int"),
        ("= nonsense", "cannot be read"),
        ("start_after_s = nan", "start_after_s must not be negative, not nan"),
        ("busy_above_pct = 101", "busy_above_pct is a share and must not be above 100"),
        ("start_after_s = 170", r"resume_after_s must not be above start_after_s \(180 and 170 now\)"),
        ("resume_after_s = 59", "busy_if_input_within_s must not be above resume_after_s"),
        ("busy_if_input_within_s = 0.4", "poll_claimed_s must not be above busy_if_input_within_s"),
        (
            "evict_grace_s = 59",
            r"memory_back_s must leave time for evict_grace_s \(59 now\) and the kill \(2 s\), not 60",
        ),
        ("memory_short_back_s = 1.5", r"memory_short_back_s must leave time for the kill \(2 s\), not 1.5"),
        ("memory_short_back_s = 61", "memory_short_back_s must not be above memory_back_s"),
        ("frozen_memory_mb = -1", "frozen_memory_mb must not be negative"),
        ("evict_before_s = 1800", "evict_before_s must not be above no_start_before_s"),
        ('exclusive_programs = "vlc"', "exclusive_programs must be a list of names"),
        ("exclusive_programs = [1]", "exclusive_programs must be a list of names"),
        ("exclusive_programs = ['']", "exclusive_programs must be a list of names"),
        ("closed_days = 'Mon-Fry'", "closed_days must be made of Mon, .*, not 'Fry'"),
        ("closed_days = 'monday'", "closed_days must be made of"),
        ("closed_days = 5", "closed_days must be a str"),
        ("closed_from = '8'", "closed_from must be a time such as 08:00, not '8'"),
        ("closed_until = '25:00'", "closed_until must be a time"),
        ("closed_from = '17:05'", "must not be the same time"),
        ("closed_days = 'Mon-Sun'\nclosed_from = '00:00'\nclosed_until = '24:00'", "nothing could ever start"),
        ("closed_days = 'Mon-Sun'\nclosed_from = '08:00'\nclosed_until = '07:40'", "nothing could ever start"),
        ("profile = 'always'\nclosed_days = 'Mon'", "always looks at nothing, so closed_days would not count"),
        ("profile = 'always'\nexclusive_programs = ['vlc']", "so exclusive_programs would not count"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    with pytest.raises(SettingsError, match=named):
        load("desktop", written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "graces"),
    [
        ("", {"memory_held": 30, "max_frozen": 30, "memory_short": 3}),
        ("evict_grace_s = 0", {"memory_held": 0, "memory_short": 0}),
        ("memory_short_back_s = 2", {"memory_held": 30, "memory_short": 0}),
    ],
)
def test_an_evicted_run_has_its_grace_and_less_where_memory_is_short(tmp_path, text, graces):
    policy = load("desktop", written(tmp_path, text))
    assert {reason: policy.grace(reason) for reason in graces} == graces


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match="nowhere"):
        load("desktop", tmp_path / "nowhere.toml")
