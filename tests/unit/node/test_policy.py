import pytest

from idlegrid_node.errors import SettingsError
from idlegrid_node.policy import ALWAYS, DESKTOP, load


def written(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_profile_stands():
    assert load("desktop", None) is DESKTOP
    assert load("always", None) is ALWAYS


def test_a_file_overrides_single_values(tmp_path):
    policy = load("desktop", written(tmp_path, 'start_after_s = 5\ninput_file = "/x"'))
    assert (policy.start_after_s, policy.input_file) == (5.0, "/x")
    assert policy.max_frozen_s == DESKTOP.max_frozen_s


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
        ("profile = 'always'", "profile is not known"),
        ("memory_floor_mb = -1", "memory_floor_mb must not be negative"),
        ("memory_floor_mb = '1 GB'", "memory_floor_mb must be a float"),
        ("warm_sandboxes = -1", "warm_sandboxes must not be negative"),
        ("warm_sandboxes = 1.5", "warm_sandboxes must be a int"),
        ("= nonsense", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    with pytest.raises(SettingsError, match=named):
        load("desktop", written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match="nowhere"):
        load("desktop", tmp_path / "nowhere.toml")
