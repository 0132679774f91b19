import pytest

from idlegrid import RunFile
from idlegrid_console.data import files


def test_a_file_is_shown_by_name_and_size():
    assert files.shown(RunFile("sub/report.csv", 1500)) == ("sub/report.csv", "1.5 kB")
    assert files.shown(RunFile("a\x1b\u202e\nb"))[0] == r"a\x1b\u202e ↵ b"


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("sub/report.csv", "report.csv"), ("..", "file"), ("a/", "file"), ("", "file"), (".profile", "profile"),
        ('a"; filename="b.exe', "a_; filename=_b.exe"), ("exe\u202egnp.csv", "exe_u202egnp.csv"), ("a\\b", "a_b"),
        ("a\nb", "a ↵ b"), ("数据.csv", "数据.csv"),
    ],
)  # fmt: skip
def test_a_browser_is_offered_a_plain_name(name, offered):
    assert files.download_name(RunFile(name)) == offered


def test_a_browser_is_offered_a_name_that_disks_take():
    assert len(files.download_name(RunFile("x" * 300))) <= 150
