"""The benchmark of the console visits what the console has."""

from pathlib import Path

from benchlib import console

VIEWS = Path(__file__).parents[3] / "dashboard" / "idlegrid_console" / "views"


def test_it_visits_every_page_of_the_console_under_its_own_address():
    views = {file.stem for file in VIEWS.glob("[a-z]*.py")}
    assert {name: path or "overview" for name, (path, _) in console.PAGES.items()} == {name: name for name in views}
    assert all(signs for _, signs in console.PAGES.values())
