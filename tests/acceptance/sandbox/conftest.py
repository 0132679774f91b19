"""`site`: a node among canaries, once for each user and level; what it is made of is in `site.py`."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .site import Site
from .site import site as open_site
from .witness import landlock_version

LANDLOCK_WITH_SIGNALS = 6
"""From this ABI on (Linux 6.12) Landlock keeps signals in; below it there is no level 2."""
VARIANTS = [("ordinary", 3), ("root", 3), ("ordinary", 2), ("root", 2)]


def skip_unless_possible(user: str, level: int) -> None:
    """Skip what this user, or this kernel, cannot have."""
    if user == "root" and os.geteuid() != 0:
        pytest.skip("only root can start a node as root")
    if level == 2 and landlock_version() < LANDLOCK_WITH_SIGNALS:
        pytest.skip(f"level 2 needs Landlock ABI {LANDLOCK_WITH_SIGNALS}, this kernel has {landlock_version()}")


@pytest.fixture(scope="session", params=VARIANTS, ids=lambda variant: f"{variant[0]}-level{variant[1]}")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A node of this user, at this level; all tests of the variant share it."""
    user, level = request.param
    skip_unless_possible(user, level)
    with open_site(user, level) as place:
        yield place


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: f"{variant[0]}-level{variant[1]}")
def with_packages(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site whose owner offers numpy, loaded beforehand."""
    user, level = request.param
    skip_unless_possible(user, level)
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        pytest.skip("numpy is not installed")
    packages = str(Path(found.origin).parents[1])
    with open_site(user, level, "--packages", packages, "--preload", "numpy") as place:
        place.packages = packages
        yield place
