"""What code leaves in `./out` comes back: of any run that ended by itself, whatever it is called and however large."""

import json
from pathlib import Path

import pytest

from ..grids import Apart
from .machines import ALWAYS, PATIENCE, Machine, at_level, machine, need_level

LEFT = "import os\nos.makedirs('out')\n"
MIB = 2**20


@pytest.fixture(scope="module", params=[3, 2], ids=lambda level: f"level{level}")
def node(request, tmp_path_factory):
    with machine(tmp_path_factory.mktemp("node"), *ALWAYS, settings=at_level(request.param)) as there:
        need_level(there, request.param)
        yield there


def left_by(there: Machine, code: str, **more: object) -> tuple[dict[str, object], dict[str, bytes]]:
    """Run code; returns its report and the files that came before it."""
    attempt = there.grid.submit(LEFT + code, **{"timeout": PATIENCE, **more})
    report = there.grid.report_of(attempt, PATIENCE + 60)
    return report, dict(there.grid.files.get(attempt["run"], {}))


def remark(report: dict[str, object]) -> str:
    return "".join(piece["text"] for piece in report["logs"] if piece["stream"] == "stderr")


def test_a_file_comes_back(node):
    report, files = left_by(node, "open('out/a.txt', 'w').write('hällo')\nprint('done')")
    assert files == {"a.txt": "hällo".encode()}
    assert (report["outcome"], report["result"]) == ("completed", "done")
    assert "files" not in report
    assert remark(report) == ""


def test_folders_empty_files_and_bytes_of_any_kind_come_back(node):
    code = (
        "os.makedirs('out/b/c/d')\nopen('out/empty', 'w').close()\n"
        "open('out/b/c/d/deep.bin', 'wb').write(bytes(range(256)) * 5000)"
    )
    _, files = left_by(node, code)
    assert files == {"empty": b"", "b/c/d/deep.bin": bytes(range(256)) * 5000}


def test_a_run_that_leaves_nothing_sends_nothing(node):
    assert left_by(node, "print(1)")[1] == {}
    attempt = node.grid.submit("open('beside.txt', 'w').write('not in out')")
    node.grid.report_of(attempt)
    assert attempt["run"] not in node.grid.files


def test_of_more_than_a_hundred_files_the_first_hundred_come(node):
    report, files = left_by(node, "for n in range(130): open(f'out/{n:03}', 'w').write(str(n))")
    assert files == {f"{n:03}": str(n).encode() for n in range(100)}
    assert "30 of the things in ./out were left out" in remark(report)


def test_more_than_fifty_megabytes_stay_behind_and_smaller_files_come(node):
    code = "open('out/big', 'wb').truncate(51 * 2**20)\nopen('out/small', 'w').write('x')"
    report, files = left_by(node, code)
    assert files == {"small": b"x"}
    assert report["outcome"] == "completed"
    assert "1 of the things" in remark(report)


def test_forty_megabytes_come_whole(node):
    _, files = left_by(node, "open('out/big', 'wb').write(bytes(range(256)) * (40 * 2**12))")
    assert files == {"big": bytes(range(256)) * (40 * 2**12)}


@pytest.mark.parametrize("end", ["1 / 0", "os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_run_that_failed_keeps_its_files_too(node, end):
    report, files = left_by(node, f"with open('out/so-far', 'w') as file: file.write('x')\n{end}")
    assert (report["outcome"], report["reason"]) == ("failed", "user_error")
    assert files == {"so-far": b"x"}


def test_names_are_made_harmless_and_no_two_become_one(node):
    names = [b"a\nb", b"\x1b[2J", b"\xff", b"\\", "\u202etxt.exe".encode(), b"...", b"%2e%2e", b"?a=b&c#d", b"a b"]
    code = f"for name in {names!r}: open(b'out/' + name, 'wb').write(b'of ' + name)"
    _, files = left_by(node, code)
    assert sorted(files) == sorted(["a_b", "_[2J", "_", "_txt.exe", "...", "%2e%2e", "?a=b&c#d", "a b"])
    assert files["_"] in (b"of \xff", b"of \\")
    assert files["?a=b&c#d"] == b"of ?a=b&c#d"


def test_nothing_outside_comes_and_nothing_that_is_no_file_holds_up(node):
    code = (
        "os.symlink('/proc/self/environ', 'out/environment')\nos.symlink('/', 'out/disk')\nos.symlink('..', 'out/up')\n"
        "os.symlink('/etc/ld.so.cache', 'out/cache')\nos.mkfifo('out/fifo')\nopen('out/good', 'w').write('x')"
    )
    report, files = left_by(node, code)
    assert files == {"good": b"x"}
    assert "5 of the things" in remark(report)


def test_an_out_that_is_a_link_gives_nothing(node):
    attempt = node.grid.submit("import os\nos.symlink('/etc/ssl/certs', 'out')\nprint('done')")
    assert node.grid.report_of(attempt)["result"] == "done"
    assert attempt["run"] not in node.grid.files


def test_a_process_left_behind_cannot_change_a_file_while_it_is_read(node):
    code = (
        "if os.fork() == 0:\n    while True: open('out/later', 'w').write('x')\nopen('out/a', 'w').write('a' * 1000)\n"
    )
    report, files = left_by(node, code)
    assert report["outcome"] == "completed"
    assert files["a"] == b"a" * 1000


def test_what_was_ended_by_the_node_leaves_no_files(node):
    report, files = left_by(node, "open('out/a', 'w').write('a')\nimport time\ntime.sleep(60)", timeout=1.0)
    assert (report["outcome"], files) == ("timed_out", {})


def test_what_cannot_be_delivered_survives_the_node_with_its_files(tmp_path):
    with machine(tmp_path) as there:
        code = "open('out/a', 'w').write('kept')\nprint('up', flush=True)\nimport time\ntime.sleep(1)\nprint('end')"
        attempt = there.grid.submit(LEFT + code)
        there.began(attempt)
        there.grid.failing = True
        data = tmp_path / "data"
        (spooled,) = there.grid.wait(lambda: list(data.glob("spool/*/*.json")), "a spooled report")
        (file,) = json.loads(spooled.read_text())["files"]
        assert (file["name"], Path(file["path"]).read_text()) == ("a", "kept")
        orphan = data / "files" / "0123456789abcdef"
        orphan.mkdir()
        there.node.kill()
        there.restart(tmp_path)
        there.grid.failing = False
        assert there.grid.report_of(attempt)["result"] == "up\nend"
        assert there.grid.files[attempt["run"]] == {"a": b"kept"}
        there.grid.wait(lambda: list((data / "files").iterdir()) == [], "no file to be left")


def test_files_reach_those_who_ask_a_real_coordinator(apart):
    grid: Apart = apart().start()
    code = "os.makedirs('out/plots')\nopen('out/plots/a b.txt', 'w').write('plotted')\nopen('out/none', 'w')\n1 / 0"
    run = grid.submit(LEFT + code)
    assert grid.ended(run)["status"] == "failed"
    listed = grid.get(f"/api/runs/{run}/files")["data"]
    assert [(item["name"], item["size"]) for item in listed["items"]] == [("none", 0), ("plots/a b.txt", 7)]
    assert grid.whole(run)["files"] == 2
    assert grid.whole(run)["reason"] == "user_error"
