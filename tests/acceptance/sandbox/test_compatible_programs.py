"""Honest programs: what ordinary Python code may expect of a sandbox, at each level."""

from pathlib import Path

import pytest

from .verdicts import PROGRAMS

COMPATIBLE = {path.stem: path for path in sorted((PROGRAMS / "compatible").glob("*.py"))}
NOT_AT_LEVEL_2 = {
    "own_server": "there are no sockets at all",
    "process_pools": "semaphores and shared memory are files in /dev/shm",
    "processes": "a fork server listens on a socket",
}
NEEDS_PACKAGES = {"numeric"}
MEMORY_MB = 400


@pytest.mark.parametrize("name", sorted(set(COMPATIBLE) - NEEDS_PACKAGES))
def test_it_runs_as_anywhere_else(name, site):
    report = site.result(COMPATIBLE[name].read_text(), timeout=60.0, memory=MEMORY_MB)
    if site.level == 2 and name in NOT_AT_LEVEL_2:
        assert report["outcome"] == "failed", f"it runs at level 2 now, although {NOT_AT_LEVEL_2[name]}"
    else:
        assert (report["outcome"], report["result"]) == ("completed", "ok"), report["error"]


def test_packages_of_the_owners_choice_can_be_imported(with_packages):
    report = with_packages.result(COMPATIBLE["numeric"].read_text(), timeout=60.0, memory=MEMORY_MB)
    assert (report["outcome"], report["result"]) == ("completed", "ok"), report["error"]


def test_packages_cannot_be_changed(with_packages):
    code = (
        "import os, numpy\nfolder = os.path.dirname(numpy.__file__)\n"
        "for path in (numpy.__file__, f'{folder}/evil.py', f'{folder}/../evil.py'):\n"
        "    try: open(path, 'a').write('evil')\n    except OSError as error: print(error.errno in (1, 13, 30))"
    )
    assert with_packages.result(code, memory=MEMORY_MB)["result"].split() == ["True"] * 3
    assert not (Path(with_packages.packages) / "evil.py").exists()


def test_two_runs_draw_different_numbers_from_a_package_loaded_beforehand(with_packages):
    code = "import numpy\nprint(numpy.random.random(), numpy.random.default_rng().random())"
    drawn = [word for _ in range(6) for word in with_packages.result(code, memory=MEMORY_MB)["result"].split()]
    assert len(drawn) == 12
    assert len(set(drawn)) == 12
