"""What people are told, and what they are not."""

from pathlib import Path

from idlegrid_server.up import greeting
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options

KEYS = Keys(submit="ig_submit", admin="ig_admin", node="ig_node", join="igj_token")


def text(host, keys=KEYS, wheels=True):
    return greeting.ready(Options(host, 8000, 8501, 1, Path("/data")), keys, "/data", wheels=wheels)


def test_a_grid_for_this_machine_shows_its_addresses_and_no_key(monkeypatch):
    monkeypatch.delenv("IDLEGRID_AUTH", raising=False)
    told = text("127.0.0.1", Keys())
    assert "http://127.0.0.1:8501" in told
    assert 'Client("http://127.0.0.1:8000").submit' in told
    assert "spare machine" not in told


def test_a_grid_for_others_prints_the_line_for_a_spare_machine():
    line = (
        "python3 -m venv ~/.idlegrid/venv && ~/.idlegrid/venv/bin/pip install --no-deps "
        "--index-url http://192.0.2.7:8000/dist/simple/ --trusted-host 192.0.2.7 idlegrid idlegrid-node && "
        "~/.idlegrid/venv/bin/pip install idlegrid-node && "
        "~/.idlegrid/venv/bin/idlegrid node --server http://192.0.2.7:8000 --join igj_token"
    )
    assert f"  {line}\n" in text("192.0.2.7")


def test_our_packages_are_never_looked_for_in_the_usual_index():
    assert "--extra-index-url" not in text("192.0.2.7")


def test_a_grid_for_others_prints_the_lines_for_a_notebook():
    assert 'Client("http://192.0.2.7:8000", api_key="ig_submit")' in text("192.0.2.7")


def test_the_operators_key_is_not_printed_but_where_it_is():
    told = text("192.0.2.7")
    assert "admin_key in /data/keys.json" in told
    assert "ig_admin" not in told
    assert "ig_node" not in told


def test_a_wildcard_is_told_as_an_address_that_others_can_use():
    assert "//0.0.0.0" not in text("0.0.0.0")


def test_missing_wheels_are_mentioned():
    assert "scripts/start.py" in text("192.0.2.7", wheels=False)
    assert "scripts/start.py" not in text("192.0.2.7")
