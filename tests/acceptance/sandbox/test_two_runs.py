"""Two runs in a row, or beside each other, share nothing."""

import pytest

LEAVE = """
import builtins, os, sys
for folder in (".", "/tmp", "/dev/shm", "/var/tmp", "out"):
    try:
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "left-behind"), "w").write("hunter2")
    except OSError:
        pass
os.environ["LEFT_BEHIND"] = "x"
builtins.left_behind = sys.left_behind = "x"
print("left")
"""
LOOK = """
import builtins, os, sys
found = [name for module in (builtins, sys) for name in dir(module) if name == "left_behind"]
for folder in (".", "/tmp", "/dev/shm", "/var/tmp", "out", ".."):
    try:
        found += [os.path.join(folder, name) for name in os.listdir(folder) if name == "left-behind"]
    except OSError:
        pass
print(found, "LEFT_BEHIND" in os.environ, sorted(os.listdir(".")))
"""
NUMBERS = """
import os, random, secrets, tempfile, uuid
print(random.random(), os.urandom(8).hex(), hash("x"), uuid.uuid4(), secrets.token_hex(8), random.getrandbits(64),
      tempfile.mktemp(), random.SystemRandom().random())
"""
RUNS = 8


def test_the_second_finds_nothing_of_the_first(site):
    assert site.result(LEAVE)["result"] == "left"
    for _ in range(4):
        assert site.result(LOOK)["result"] == "[] False ['.idlegrid', 'main.py']"


def test_one_finds_nothing_of_another_beside_it(site):
    attempt, _ = site.submit_code(LEAVE + "import time\ntime.sleep(30)")
    site.grid.wait(lambda: "left" in site.grid.logged(attempt), "the first has left its files")
    found = site.result(LOOK)["result"]
    site.grid.order("stop", attempt, "cancelled")
    assert site.grid.report_of(attempt)["outcome"] == "cancelled"
    assert found == "[] False ['.idlegrid', 'main.py']"


def test_no_process_of_the_first_is_seen_by_the_second(site):
    if site.level == 2:
        pytest.skip("at level 2 /proc is shut")
    site.result("import os, time\nif os.fork() == 0: time.sleep(20)")
    assert site.result("import os\nprint(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()))")["result"] in (
        "[1, 2]",
        "[1, 2, 3]",
    )


def test_no_two_runs_draw_the_same_random_numbers(site):
    attempts = [site.submit_code(NUMBERS)[0] for _ in range(RUNS)]
    rows = [site.grid.report_of(attempt)["result"].split() for attempt in attempts]
    assert len(rows[0]) == 8
    for column in zip(*rows, strict=True):
        assert len(set(column)) == RUNS, column
