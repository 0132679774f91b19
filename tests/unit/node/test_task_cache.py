"""Task files that are kept: by their hash, within a bound, and never believed unseen."""

import os

from idlegrid_node.taskfiles import Cache, digest_of


def kept(cache, *contents):
    for content in contents:
        cache.put(digest_of(content), content)


def held(folder):
    return {path.read_bytes() for path in folder.iterdir()}


def test_what_was_put_is_there_by_its_hash(tmp_path):
    cache = Cache(tmp_path / "kept")
    assert cache.get(digest_of(b"x")) is None
    kept(cache, b"x", b"")
    assert cache.get(digest_of(b"x")) == b"x"
    assert cache.get(digest_of(b"")) == b""


def test_what_was_used_longest_ago_goes_first(tmp_path):
    cache = Cache(tmp_path, limit=30)
    kept(cache, b"a" * 10, b"b" * 10, b"c" * 10)
    for age, letter in enumerate((b"c", b"b", b"a")):
        os.utime(tmp_path / digest_of(letter * 10), (1000 - age, 1000 - age))
    assert cache.get(digest_of(b"a" * 10))
    kept(cache, b"d" * 10)
    assert held(tmp_path) == {b"a" * 10, b"c" * 10, b"d" * 10}


def test_what_does_not_fit_at_all_is_not_kept(tmp_path):
    cache = Cache(tmp_path, limit=30)
    kept(cache, b"x" * 31)
    assert held(tmp_path) == set()


def test_what_was_spoilt_on_the_disk_is_thrown_away(tmp_path):
    cache = Cache(tmp_path)
    kept(cache, b"x")
    (tmp_path / digest_of(b"x")).write_bytes(b"y")
    assert cache.get(digest_of(b"x")) is None
    assert held(tmp_path) == set()


def test_a_disk_that_takes_nothing_harms_nobody(tmp_path):
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / "file")
    kept(cache, b"x")
    assert cache.get(digest_of(b"x")) is None
