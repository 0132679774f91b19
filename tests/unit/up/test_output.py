"""What children print."""

from idlegrid_server.up.output import ChildLog


def test_the_log_of_the_start_before_is_kept(tmp_path):
    first = ChildLog(tmp_path, "node-1")
    first.write(b"old\n")
    first.close()
    ChildLog(tmp_path, "node-1").close()
    assert (tmp_path / "node-1.log").read_bytes() == b""
    assert (tmp_path / "node-1.log.1").read_bytes() == b"old\n"


def test_a_log_never_takes_more_than_twice_its_limit(tmp_path):
    log = ChildLog(tmp_path, "loud", limit=100)
    for number in range(100):
        log.write(b"line %02d\n" % number)
    log.close()
    assert (tmp_path / "loud.log").read_bytes().endswith(b"line 99\n")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200


def test_the_last_line_that_says_something_is_at_hand(tmp_path):
    log = ChildLog(tmp_path, "x")
    log.write(b"first\nseco")
    assert log.last_line == "first"
    log.write(b"nd\n\n")
    assert log.last_line == "second"
    log.close()


def test_whole_lines_are_passed_through_with_the_name_before_them(tmp_path):
    passed = []
    log = ChildLog(tmp_path, "node-1", passed.append)
    log.write(b"h\xffi")
    log.write(b"\nyou")
    log.close()
    assert passed == ["node-1       | h\ufffdi"]


def test_a_folder_that_was_deleted_meanwhile_is_made_again(tmp_path):
    log = ChildLog(tmp_path / "logs", "x", limit=10)
    for path in (tmp_path / "logs").iterdir():
        path.unlink()
    (tmp_path / "logs").rmdir()
    log.write(b"0123456789\n")
    log.close()
    assert (tmp_path / "logs" / "x.log").read_bytes() == b"0123456789\n"
