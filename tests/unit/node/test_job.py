import io
import json
import marshal
from collections.abc import Iterable

import pytest

from idlegrid_node.sandbox.job import CPU_BACKSTOP_SECONDS, DISK_MB, MIB, FileIn, Job, Limits, Way, frame


def parts(framed: Iterable[bytes | memoryview]) -> tuple[list[int], bytes, bytes]:
    """Take a frame apart as the sandbox does: the limits, the code, the parameters."""
    limits, code, parameters, _, _ = whole(framed)
    return limits, code, parameters


def whole(framed: Iterable[bytes | memoryview]) -> tuple[list[int], bytes, bytes, list[str], dict[str, bytes]]:
    """All of a frame: with the words and the files."""
    stream = io.BytesIO(b"".join(framed))
    numbers = [int(word) for word in stream.readline().split()]
    code, parameters, words = (stream.read(length) for length in numbers[:3])
    files = {}
    for _ in range(numbers[3]):
        size, name_length = map(int, stream.readline().split())
        name = stream.read(name_length).decode()
        files[name] = stream.read(size)
    assert stream.read() == b""
    return numbers[4:], code, parameters, marshal.loads(words), files


def test_a_job_is_framed_by_the_lengths_of_its_parts():
    _, code, parameters = parts(frame(Job("print('ü')", {"a": "ö\n"})))
    assert code.decode() == "print('ü')"
    assert json.loads(parameters) == {"a": "ö\n"}


def test_the_way_its_words_and_the_files_follow():
    files = [FileIn("a/ü", b"1\n2"), FileIn("empty", b"")]
    framed = list(frame(Job("", way=Way.SHELL, argv=("echo", "\n", "ö \ud800"), files=files)))
    assert whole(framed)[3:] == (["shell", "echo", "\n", "ö \ud800"], {"a/ü": b"1\n2", "empty": b""})
    assert whole(frame(Job("x")))[3:] == (["code", "-c"], {})


def test_the_limits_follow_in_the_order_in_which_they_are_set():
    numbers, _, _ = parts(frame(Job("", limits=Limits(memory_mb=2000, cpu=2.0, timeout=10.0, processes=7, files=9))))
    assert numbers == [7, 9, 1000 * MIB, 4000 * MIB, 21 + CPU_BACKSTOP_SECONDS]


def test_processes_that_the_kernel_counts_too_are_added_to_the_limit():
    assert parts(frame(Job("", limits=Limits(processes=7)), others=30))[0][0] == 37


def test_code_that_no_encoding_knows_still_arrives():
    assert parts(frame(Job("'\ud800'")))[1] == b"'\xed\xa0\x80'"


def test_address_space_is_never_too_small_for_threads():
    assert Limits(memory_mb=16).address_space == 2048 * MIB


@pytest.mark.parametrize(("memory_mb", "disk_mb"), [(16, DISK_MB), (2 * DISK_MB, DISK_MB), (4096, 2048)])
def test_room_for_files_grows_with_the_memory_but_is_never_small(memory_mb, disk_mb):
    assert Limits(memory_mb=memory_mb).disk_mb == disk_mb


def test_a_busy_loop_of_one_core_meets_its_timeout_before_its_cpu_limit():
    assert Limits(cpu=1.0, timeout=5.0).cpu_seconds > 5.0
