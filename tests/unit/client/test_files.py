"""The files of a run: what is listed, fetched, refused, and left on the disk."""

import hashlib
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from idlegrid import FileError, NotFound, RunFile, RunFiles, Unreachable

REPORT = b"a,b\r\n1,2\r\n" * 50_000


def item(name="report.csv", content=REPORT, **changed):
    found = {"name": name, "size": len(content), "media_type": "text/csv"}
    return {**found, "sha256": hashlib.sha256(content).hexdigest(), "created_at": "2026-01-02T03:04:05Z", **changed}


@pytest.fixture
def files(grid, client, wrap):
    """`files(item, …)`: a run's, as the coordinator lists these; one is served under its own name."""

    def listed(*items):
        grid.on("GET /api/runs/7/files", (200, wrap({"items": items, "total": len(items)})))
        grid.on("GET /api/runs/7/files/report.csv", (200, REPORT, {"Content-Type": "application/octet-stream"}))
        return client.run(7).files()

    return listed


def test_files_are_listed_and_nothing_is_fetched(grid, files):
    (found,) = files(item())
    assert (found.name, found.size, found.media_type) == ("report.csv", len(REPORT), "text/csv")
    assert found.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [asked.path for asked in grid.asked] == ["/api/runs/7/files"]


def test_a_file_is_read(files):
    assert files(item())[0].read() == REPORT


def test_a_file_is_saved_in_sub_folders_of_its_own(grid, files, tmp_path):
    grid.on("GET /api/runs/7/files/sub/t%C3%B6%20do%3F.csv", (200, REPORT))
    saved = files(item("sub/tö do?.csv"))[0].save(tmp_path / "new")
    assert saved == tmp_path / "new" / "sub" / "tö do?.csv"
    assert saved.read_bytes() == REPORT
    assert [path.name for path in saved.parent.iterdir()] == ["tö do?.csv"]


def test_a_file_that_was_there_is_replaced(files, tmp_path):
    (tmp_path / "report.csv").write_text("old")
    assert files(item())[0].save(tmp_path).read_bytes() == REPORT


def test_all_files_are_saved_at_once(files, tmp_path):
    assert files(item()).save(tmp_path) == [tmp_path / "report.csv"]


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/x", "..", ".", "", "a//b", "a/", "./a", "..\\x", "a\\b", "C:x", "C:/x", "a/c:x",
     "a\x00b", "a\nb", "a\x7f"],
)  # fmt: skip
def test_a_name_that_could_leave_the_folder_is_refused_before_anything_is_asked(grid, files, tmp_path, name):
    (found,) = files(item(name))
    inside = tmp_path / "inside"
    with pytest.raises(FileError, match="refused"):
        found.save(inside)
    with pytest.raises(FileError, match="refused"):
        found.read()
    assert len(grid.asked) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..a", "a..b/c", "...", "~", "$HOME", "-rf", "12:30.txt", "a b", "数据.csv"])
def test_a_name_that_is_only_odd_is_taken(grid, files, tmp_path, name):
    (found,) = files(item(name, b"x"))
    grid.on(f"GET /api/runs/7/files/{quote(name)}", (200, b"x"))
    assert found.save(tmp_path) == tmp_path / name


def test_a_damaged_file_is_refused_and_leaves_nothing(files, tmp_path):
    (found,) = files(item(sha256="0" * 64))
    with pytest.raises(FileError, match="arrived damaged"):
        found.save(tmp_path)
    with pytest.raises(FileError, match="arrived damaged"):
        found.read()
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_leaves_nothing(grid, files, tmp_path):
    (found,) = files(item())
    cut_short = {"Content-Length": str(len(REPORT)), "Connection": "close"}
    grid.on("GET /api/runs/7/files/report.csv", (200, REPORT[:-9], cut_short))
    (tmp_path / "report.csv").write_text("old")
    with pytest.raises(Unreachable, match="broke"):
        found.save(tmp_path)
    assert (tmp_path / "report.csv").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_gone_is_said_so(grid, files):
    (found,) = files(item())
    error = {"code": "FILE_NOT_FOUND", "message": "Run 7 has no file report.csv"}
    grid.on("GET /api/runs/7/files/report.csv", (404, {"success": False, "error": error}))
    with pytest.raises(NotFound, match="Run 7 has no file"):
        found.read()


def test_a_disk_that_does_not_take_it_is_said_so(files, tmp_path):
    (tmp_path / "flat").write_text("a file where a folder is wanted")
    with pytest.raises(FileError, match="cannot be written"):
        files(item())[0].save(tmp_path / "flat")


def test_a_file_of_no_run_cannot_be_read():
    with pytest.raises(FileError, match="belongs to no coordinator"):
        RunFile("a.txt").read()


def test_a_notebook_shows_names_escaped_and_sizes(files):
    html = files(item("<b>\u202e.csv", b"x" * 1500))._repr_html_()
    assert "<td>&lt;b&gt;\\u202e.csv</td><td>1.5 kB</td><td>text/csv</td>" in html
    assert "file" in RunFiles()._repr_html_()
