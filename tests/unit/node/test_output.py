from hypothesis import given
from hypothesis import strategies as st

from idlegrid_node.output import PIECE_CHARACTERS, Capture, LogBook


@given(st.lists(st.binary(max_size=40)), st.integers(0, 100))
def test_the_first_bytes_are_kept_whatever_the_pieces(pieces, keep):
    capture = Capture(keep=keep, tolerate=10_000)
    kept = b"".join(capture.add(piece) for piece in pieces)
    whole = b"".join(pieces)
    assert kept == whole[:keep]
    assert capture.text() == whole[:keep].decode("utf-8", "replace")
    assert capture.truncated == (len(whole) > keep)


def test_a_flood_is_told_from_a_little_too_much():
    capture = Capture(keep=10, tolerate=100)
    capture.add(b"x" * 100)
    assert capture.truncated
    assert not capture.flooded
    capture.add(b"x")
    assert capture.flooded


@given(st.text(), st.integers(1, 5))
def test_log_pieces_make_up_the_text_however_its_bytes_are_cut(text, size):
    book = LogBook()
    data = text.encode("utf-8", "surrogatepass")
    for start in range(0, len(data), size):
        book.add("stdout", data[start : start + size], 1.0)
    book.add("stdout", b"", 1.0, final=True)
    pieces = book.pending(10**9)
    assert "".join(piece["text"] for piece in pieces) == data.decode("utf-8", "replace")
    assert [piece["seq"] for piece in pieces] == list(range(len(pieces)))


def test_a_large_output_is_cut_into_pieces():
    book = LogBook()
    book.add("stdout", b"x" * (2 * PIECE_CHARACTERS + 1), 1.0)
    assert [len(piece["text"]) for piece in book.pending(10**9)] == [PIECE_CHARACTERS, PIECE_CHARACTERS, 1]


def test_acknowledged_pieces_are_forgotten():
    book = LogBook()
    for word in (b"a", b"b", b"c"):
        book.add("stdout", word, 1.0)
    book.acknowledge(1)
    assert [piece["text"] for piece in book.pending(100)] == ["c"]


def test_a_heartbeat_takes_the_oldest_and_a_report_the_newest():
    book = LogBook()
    for word in (b"aa", b"bb", b"cc"):
        book.add("stderr", word, 1.0)
    assert [piece["text"] for piece in book.pending(4)] == ["aa", "bb"]
    assert [piece["text"] for piece in book.last(4)] == ["bb", "cc"]
    assert [piece["text"] for piece in book.pending(1)] == ["aa"]
