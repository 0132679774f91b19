"""Every program of the table, through a real node: held inside, and nothing to be seen of it outside."""

import pytest

from .table import TABLE
from .verdicts import PROGRAMS


@pytest.mark.parametrize("program", TABLE, ids=[program.id for program in TABLE])
def test_it_is_held(program, site):
    if program.crowd and site.level == 2 and not site.alone:
        pytest.skip("counts or signals all processes of the user: at level 2 only where each sandbox has its own")
    wrong = site.held(program)
    assert not wrong, "\n".join(wrong)


def test_the_table_has_every_row_and_every_program():
    assert {program.row for program in TABLE} == set(range(1, 36))
    assert {program.id for program in TABLE} == {path.stem for path in PROGRAMS.glob("[0-9]*.py")}
