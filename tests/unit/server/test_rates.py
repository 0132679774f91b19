"""How often something may happen, and what a setting may say of it."""

import pytest
from pydantic import ValidationError

from idlegrid_server.http.access.rates import Rate, Windows, source_of
from idlegrid_server.settings import Settings

from ...parts import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_as_many_as_the_limit_pass_and_then_none_until_the_window_ends(clock):
    rate = Rate("3/minute", clock.monotonic)
    assert [rate.hit("a") for _ in range(5)] == [True, True, True, False, False]
    assert rate.hit("b")
    clock.advance(59.9)
    assert not rate.hit("a")
    clock.advance(0.1)
    assert rate.hit("a")


def test_asking_whether_it_is_spent_spends_nothing(clock):
    rate = Rate("2 per 10 seconds", clock.monotonic)
    assert not any(rate.is_spent("a") for _ in range(5))
    rate.hit("a")
    assert not rate.is_spent("a")
    rate.hit("a")
    assert rate.is_spent("a")
    clock.advance(10)
    assert not rate.is_spent("a")


@pytest.mark.parametrize(("passed", "wait"), [(0, 60), (0.5, 60), (30.2, 30), (59.9, 1), (61, 1)])
def test_a_refusal_says_in_whole_seconds_when_to_come_again(clock, passed, wait):
    rate = Rate("1/minute", clock.monotonic)
    rate.hit("a")
    clock.advance(passed)
    refusal = rate.refuse("a", "Too many")
    assert (refusal.retry_after, str(refusal)) == (wait, f"Too many: try again in {wait} s")


def test_windows_that_ended_are_forgotten_and_no_more_are_kept_than_the_bound(clock):
    windows = Windows(clock.monotonic, most=3)
    for name in "abc":
        windows.incr(name, 60)
        clock.advance(1)
    windows.incr("d", 60)
    assert [windows.get(name) for name in "abcd"] == [0, 1, 1, 1]
    clock.advance(60)
    windows.incr("e", 60)
    assert windows.reset() == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("somebody", "somebody"),
        ("", ""),
    ],
)
def test_who_has_a_whole_network_is_one(address, source):
    assert source_of(address) == source


@pytest.mark.parametrize("words", ["60000/minute", "5 per 10 seconds", "1/hour"])
def test_a_limit_is_written_as_the_library_writes_it(words):
    assert Settings(rate_limit=words).rate_limit == words


@pytest.mark.parametrize("setting", ["rate_limit", "address_rate_limit", "failed_auth_limit"])
@pytest.mark.parametrize("words", ["", "many", "60000", "0/minute", "-1/minute", "5/fortnight", "1/second; 5/minute"])
def test_a_limit_that_is_none_is_named(setting, words):
    with pytest.raises(ValidationError) as caught:
        Settings(**{setting: words})
    assert caught.value.errors()[0]["loc"] == (setting,)


@pytest.mark.parametrize(("words", "good"), [("10.0.0.0/8, ::1", True), ("*", True), ("", True), ("nginx", False)])
def test_proxies_are_named_by_their_addresses(words, good):
    if good:
        assert Settings(trusted_proxies=words).trusted_proxies == words
    else:
        with pytest.raises(ValidationError, match="trusted_proxies"):
            Settings(trusted_proxies=words)
