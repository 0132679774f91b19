"""What is wrong with a request, as an answer tells it."""

import math

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from idlegrid_server.http.offences import MOST, Offence, of_pydantic, shown


class Inner(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    number: int


class Outer(Inner):
    inner: list[Inner] = []


def offences(words: object) -> list[Offence]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(words)
    return of_pydantic([{**problem, "loc": ("body", *problem["loc"])} for problem in caught.value.errors()])


@pytest.mark.parametrize(
    ("words", "field", "rule", "value"),
    [
        ({}, "number", "required", None),
        ({"number": "1"}, "number", "type", "1"),
        ({"number": None}, "number", "type", None),
        ({"number": 1, "body": 2}, "body", "unknown_field", 2),
        ({"number": 1, "inner": [{"number": 1}, {}]}, "inner.1.number", "required", None),
        ({"number": 1, "inner": [{"number": 1, "x": []}]}, "inner.0.x", "unknown_field", []),
        ([], "body", "type", []),
    ],
)
def test_an_offence_names_field_rule_and_value(words, field, rule, value):
    (found,) = offences(words)
    assert (found.field, found.rule, found.value) == (field, rule, value)
    assert found.message.startswith(field)


def test_of_a_million_offences_the_first_are_told():
    assert len(offences({str(number): 1 for number in range(1000)})) == MOST


VALUES = [
    (None, None),
    (1.5, 1.5),
    ("é", "é"),
    ({"a": [1, None]}, {"a": [1, None]}),
    ("x" * 201, "x" * 200 + "…"),
    ([1] * 1000, "[" + "1, " * 66 + "1…"),
    (math.inf, "inf"),
    (math.nan, "nan"),
    ("a\ud800", "a?"),
    ({"\ud800": 1}, {"?": 1}),
    (b"bytes", "bytes"),
    (object(), "object"),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=range(len(VALUES)))
def test_a_value_is_shown_as_json_and_short(value, expected):
    assert shown(value) == expected
