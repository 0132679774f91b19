"""What of a hostile program's output, files and end the coordinator gets."""

import json

import pytest

from .table import TABLE

BY_ID = {program.id: program for program in TABLE}
MIB = 2**20
MAX_FILES, MAX_BYTES = 100, 50 * MIB
"""Of the protocol's `PUT /internal/files`."""


def test_only_regular_files_are_handed_in(site):
    report, _ = site.run(BY_ID["20_outputs"])
    files = site.grid.files[report["run"]]
    assert {"good.txt", "sub/good.txt"} <= set(files)
    assert not {"key", "notes", "environ", "pipe", "socket", "su", "device"} & set(files)
    assert not [name for name in files if name.startswith(("root/", "up/"))]
    assert set(files.values()) <= {b"fine", b"#!/bin/sh\n"}
    for name in files:
        parts = name.split("/")
        assert name.isprintable(), name
        assert "\\" not in name
        assert len(name) <= 255
        assert len(parts) <= 16
        assert not {"", ".", ".."} & set(parts)


def test_no_more_files_than_allowed_are_handed_in(site):
    report, _ = site.run(BY_ID["20_too_many_outputs"])
    files = site.grid.files[report["run"]]
    assert 0 < len(files) <= MAX_FILES
    assert sum(map(len, files.values())) <= MAX_BYTES


@pytest.mark.parametrize("stream", ["out", "err"])
def test_of_a_flood_the_first_mebibyte_is_kept(stream, site):
    report, _ = site.run(BY_ID[f"13_flood_std{stream}"])
    assert len(report["result"]) <= MIB
    assert report["truncated"] is (stream == "out") or stream == "err"


def test_bytes_that_act_on_a_terminal_arrive_as_text(site):
    report, _ = site.run(BY_ID["34_output_bytes"])
    assert "<script>alert(1)</script>" in report["result"]
    assert "bytes: HELD \ufffd\ufffd\ufffd(" in report["result"]
    json.dumps(report).encode("utf-8")


def test_a_crash_says_by_which_signal(site):
    report, _ = site.run(BY_ID["33_segfault"])
    assert (report["exit_code"], report["error"]) == (-11, "killed by signal 11")


def test_a_limit_that_ended_it_is_named_with_what_was_used(site):
    report, _ = site.run(BY_ID["14_silent"])
    assert report["error"] == "timeout: ran longer than 4 s"
    assert report["usage"]["processes"] >= 1


def test_it_says_under_which_level_it_ran(site):
    assert site.result("print(1)")["sandbox"] == site.level
