"""Keys in the record: made, listed, revoked, enrolled, and found by those who look for what has changed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from idlegrid_server.core.access import JOIN, SCOPES
from idlegrid_server.core.errors import NotAuthorized, NotFound
from idlegrid_server.record.keys import NODE_SCOPES, KeyStore, KeyWish, digest, kind_of, new_key
from idlegrid_server.record.tables import api_keys

from ..parts import START


@pytest.fixture
def keys(engine) -> KeyStore:
    return KeyStore(engine)


@pytest.fixture
def token(keys) -> int:
    """A join token for two nodes."""
    return keys.create(KeyWish("lab", (JOIN,), uses_left=2), START)[1].id


def found(keys: KeyStore, key: str):
    """What the record has of a key."""
    return next(one for one in keys.all() if one.digest == digest(key))


def uses_left(keys: KeyStore, key_id: int) -> int | None:
    return next(one for one in keys.all() if one.id == key_id).uses_left


def test_a_key_that_was_made_has_all_that_was_wished(keys):
    wish = KeyWish("lab", (JOIN, "submit"), expires_at=START + 9, node_id="n1", uses_left=3, made_by=7)
    key, made = keys.create(wish, START)
    assert key.startswith("ig_join_")
    assert found(keys, key) == made
    assert (made.name, made.scopes, made.prefix) == ("lab", {JOIN, "submit"}, key[:12])
    assert (made.expires_at, made.node_id, made.uses_left, made.made_by) == (START + 9, "n1", 3, 7)
    assert (made.created_at, made.revoked_at, made.last_used_at) == (START, None, None)


def test_only_a_digest_of_a_key_is_kept(keys, engine):
    key, _ = keys.create(KeyWish("ann", ("submit",)), START)
    with engine.connect() as connection:
        row = connection.execute(api_keys.select()).one()
    assert row.digest == digest(key)
    assert all(key not in str(value) for value in row)


def test_no_two_keys_are_alike():
    assert new_key("node").startswith("ig_node_")
    assert len({new_key("node") for _ in range(100)}) == 100


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_says_what_kind_it_is(scope):
    assert kind_of([scope]) == (scope if scope in ("admin", "join", "node", "submit") else "api")


def test_a_key_that_is_there_keeps_its_name_and_is_given_the_scopes(keys):
    key = new_key("submit")
    keys.add(key, "ann", ["submit"], START)
    keys.add(key, "eve", NODE_SCOPES, START)
    assert (found(keys, key).name, found(keys, key).scopes) == ("ann", {"node"})


def test_a_revoked_key_does_not_come_back_by_being_added_again(keys):
    key = new_key("submit")
    keys.add(key, "ann", ["submit"], START)
    keys.revoke(found(keys, key).id, START)
    keys.add(key, "ann", ["submit"], START)
    assert not found(keys, key).is_live(START)


@pytest.mark.parametrize(("at", "live"), [(START + 0.9, True), (START + 1, False)])
def test_a_key_counts_until_it_expires(keys, at, live):
    _, made = keys.create(KeyWish("ann", ("submit",), expires_at=START + 1), START)
    assert made.is_live(at) is live


def test_a_key_is_revoked_once(keys):
    _, made = keys.create(KeyWish("ann", ("submit",)), START)
    assert keys.revoke(made.id, START + 1).revoked_at == START + 1
    assert keys.revoke(made.id, START + 2).revoked_at == START + 1
    with pytest.raises(NotFound):
        keys.revoke(made.id + 1, START)


def test_every_change_has_a_version_of_its_own_and_is_found_by_it(keys):
    assert keys.version() == 0
    _, first = keys.create(KeyWish("ann", ("submit",)), START)
    _, second = keys.create(KeyWish("bob", ("submit",)), START)
    assert keys.version() == second.version > first.version
    assert keys.changed_since(first.version) == [second]
    revoked = keys.revoke(first.id, START)
    assert keys.changed_since(second.version) == [revoked]
    assert keys.changed_since(-1) == [second, revoked]
    assert keys.changed_since(keys.version()) == []


def test_many_who_change_keys_at_once_have_a_version_each(keys):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: keys.create(KeyWish(f"k{n}", ("submit",)), START)[1], range(24)))
    assert sorted(one.version for one in made) == list(range(1, 25))
    assert keys.version() == 24


def test_a_key_s_last_use_is_kept_and_never_goes_back(keys):
    made = [keys.create(KeyWish(name, ("submit",)), START)[1] for name in ("ann", "bob")]
    keys.note_used({made[0].id: START + 5, made[1].id: START + 6})
    keys.note_used({made[0].id: START + 4})
    assert [one.last_used_at for one in keys.all()] == [START + 6, START + 5]
    assert keys.version() == made[1].version


def test_a_node_that_enrols_gets_a_key_of_its_own(keys, token):
    key = found(keys, keys.enrol(token, "n" * 200, START))
    assert (key.node_id, key.made_by, key.scopes) == ("n" * 200, token, {"node"})
    assert key.name == "node:" + "n" * 195
    assert uses_left(keys, token) == 1


def test_a_token_enrols_as_many_nodes_as_it_has_uses(keys, token):
    for node in ("n1", "n2"):
        keys.enrol(token, node, START)
    with pytest.raises(NotAuthorized, match="as many nodes as it may"):
        keys.enrol(token, "n3", START)
    assert len(keys.all()) == 3


def test_a_token_without_a_bound_enrols_any_number(keys):
    token = keys.create(KeyWish("lab", (JOIN,)), START)[1].id
    assert len({keys.enrol(token, f"n{number}", START) for number in range(4)}) == 4


def test_a_node_that_asks_again_before_it_used_its_key_spends_nothing(keys, token):
    first = keys.enrol(token, "n1", START)
    keys.enrol(token, "n2", START)
    second = keys.enrol(token, "n1", START + 1)
    assert found(keys, first).revoked_at == START + 1
    assert found(keys, second).is_live(START + 1)
    assert uses_left(keys, token) == 0


def test_a_node_that_asks_again_after_it_used_its_key_spends_a_use(keys, token):
    first = found(keys, keys.enrol(token, "n1", START))
    keys.note_used({first.id: START})
    keys.enrol(token, "n1", START)
    assert uses_left(keys, token) == 0
    with pytest.raises(NotAuthorized):
        keys.enrol(keys.create(KeyWish("lab", (JOIN,), uses_left=0), START)[1].id, "n1", START)


def test_a_token_that_is_no_more_enrols_nobody(keys, token):
    keys.revoke(token, START)
    for gone in (token, token + 1000):
        with pytest.raises(NotAuthorized, match="not valid any more"):
            keys.enrol(gone, "n1", START)
    assert len(keys.all()) == 1


def test_of_many_nodes_that_enrol_at_once_no_more_get_in_than_the_token_says(keys, token):
    def enrol(number: int) -> bool:
        try:
            return bool(keys.enrol(token, f"n{number}", START))
        except NotAuthorized:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(enrol, range(16))) == 2
