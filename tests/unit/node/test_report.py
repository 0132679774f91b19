"""What a supervisor says on its pipe: taken apart the same however it arrives."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_node.sandbox.report import MAX_LINE, Event, FileBegins, FileBytes, Line, Piece, ReportParser

NAMES = st.binary(min_size=1, max_size=40)
LINES = st.sampled_from([b"ready", b"begun", b"stopped", b"continued", b"full", b"exit 256 0.5 1024", b"end 3"])
FILES = st.tuples(NAMES, st.binary(max_size=300))


def written(part: bytes | tuple[bytes, bytes]) -> bytes:
    """Return a line or a file as the supervisor writes it."""
    if isinstance(part, bytes):
        return part + b"\n"
    name, content = part
    return b"file %d %d\n" % (len(content), len(name)) + name + content


def joined(events: list[Event]) -> list[Event]:
    """Put the pieces of each file together: how many there are depends on how they arrive."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, FileBytes) and whole and isinstance(whole[-1], FileBytes):
            whole[-1] = FileBytes(whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole


def expected(part: bytes | tuple[bytes, bytes]) -> list[Event]:
    if isinstance(part, bytes):
        return [Line(tuple(part.split()))]
    name, content = part
    return [FileBegins(name, len(content)), *([FileBytes(content)] if content else [])]


def fed(pieces: list[bytes]) -> list[Event]:
    parser = ReportParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(LINES | FILES, max_size=8), st.lists(st.integers(0, 10_000), max_size=30))
def test_however_the_bytes_arrive_the_events_are_the_same(parts, places):
    data = b"".join(map(written, parts))
    assert joined(fed(cut(data, places))) == [event for part in parts for event in expected(part)]


def test_one_byte_at_a_time_is_enough():
    data = written(b"ready") + written((b"a\nb", b"\nfile 3 1\n")) + written(b"end 0")
    assert joined(fed([data[at : at + 1] for at in range(len(data))])) == [
        Line((b"ready",)),
        FileBegins(b"a\nb", 10),
        FileBytes(b"\nfile 3 1\n"),
        Line((b"end", b"0")),
    ]


def test_a_file_is_handed_on_as_it_comes_and_never_gathered():
    parser = ReportParser()
    assert list(parser.feed(b"file 1000000 1\nx" + bytes(10))) == [FileBegins(b"x", 1_000_000), FileBytes(bytes(10))]
    assert list(parser.feed(bytes(20))) == [FileBytes(bytes(20))]


def test_pieces_of_a_checkpoint_leave_room_for_other_lines():
    data = b"checkpoint\npiece 5\nfile stopped\npiece 2\n\n\nwhole\n"
    assert fed([data]) == [
        Line((b"checkpoint",)),
        Piece(b"file "),
        Line((b"stopped",)),
        Piece(b"\n\n"),
        Line((b"whole",)),
    ]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"piece x\n",
        b"piece 0\n",
        b"piece -1\n",
        b"piece 1000000000\n",
        b"file x 1\n",
        b"file 1 x\n",
        b"file -1 1\n",
        b"file 1 0\n",
        b"file 1 -1\n",
        b"file 1 1000000000\n",
        b"x" * (MAX_LINE + 1),
    ],
)
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ValueError):
        fed([nonsense])


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_whatever_comes_it_is_events_or_a_refusal(pieces):
    try:
        events = fed(pieces)
    except ValueError:
        return
    assert all(isinstance(event, (Line, FileBegins, FileBytes, Piece)) for event in events)
