from idlegrid_node.sandbox import seccomp
from idlegrid_node.sandbox.bwrap import Interpreter, command
from idlegrid_node.sandbox.job import Job, Limits, frame
from idlegrid_node.sandbox.selftest import REMEDY_APPARMOR, REMEDY_INSTALL, REMEDY_USERNS, remedy_for

SYSTEM = Interpreter("/usr/bin/python3", "3.11")
OWN = Interpreter("/python/bin/python3.12", "3.12", "/home/owner/python")


def pairs(words: list[str], option: str, count: int = 2) -> list[tuple[str, ...]]:
    return [tuple(words[at + 1 : at + 1 + count]) for at, word in enumerate(words) if word == option]


def test_every_namespace_is_new_and_no_right_is_kept():
    words = command("bwrap", SYSTEM, 1000)
    for option in ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"):
        assert option in words
    assert pairs(words, "--cap-drop", 1) == [("ALL",)]
    assert pairs(words, "--uid", 1) == [("65534",)]


def test_only_system_folders_are_shown():
    words = command("bwrap", SYSTEM, 1000)
    assert pairs(words, "--ro-bind") == [("/usr", "/usr")]
    assert "--bind" not in words
    assert "--dev-bind" not in words
    assert all(source.startswith("/etc/") for source, _ in pairs(words, "--ro-bind-try"))


def test_an_interpreter_outside_usr_is_shown_under_a_neutral_name():
    words = command("bwrap", OWN, 1000)
    assert ("/home/owner/python", "/python") in pairs(words, "--ro-bind")
    assert words.index("/home/owner/python") > words.index("/work")
    assert ("LD_LIBRARY_PATH", "/python/lib") in pairs(words, "--setenv")


def test_every_writable_place_is_bounded_and_the_rest_is_read_only():
    words = command("bwrap", SYSTEM, 12345)
    assert pairs(words, "--size", 3) == [("67108864", "--tmpfs", "/dev/shm"), ("12345", "--tmpfs", "/work")]
    assert pairs(words, "--remount-ro", 1) == [("/proc",), ("/dev",), ("/",)]
    assert words[-3:] == ["--remount-ro", "/", "--"]


def test_a_job_is_framed_by_the_lengths_of_its_parts():
    head, rest = frame(Job("print('ü')", {"a": 1}, Limits(memory_mb=2000))).split(b"\n", 1)
    numbers = [int(word) for word in head.split()]
    assert rest[: numbers[0]].decode() == "print('ü')"
    assert rest[numbers[0] :] == b'{"a": 1}'
    assert len(rest) == numbers[0] + numbers[1]
    assert numbers[2:] == [64, 256, 256 * 2**20, 4000 * 2**20]


def test_address_space_is_never_too_small_for_threads():
    assert Limits(memory_mb=16).address_space == 2048 * 2**20


def test_each_known_complaint_has_its_remedy():
    assert remedy_for("bwrap: setting up uid map: Permission denied") == REMEDY_APPARMOR
    assert remedy_for("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted") == REMEDY_APPARMOR
    assert remedy_for("bwrap: Creating new namespace failed: No space left on device") == REMEDY_USERNS
    assert remedy_for("No such file or directory: 'bwrap'") == REMEDY_INSTALL
    assert remedy_for("something else") == ""


def test_the_filter_has_one_instruction_per_step_and_none_for_unknown_machines():
    assert len(seccomp.program("x86_64")) == len(seccomp.program("aarch64")) == 7 * 8
    assert seccomp.program("vax") == b""


def test_the_filter_is_given_before_the_program():
    assert command("bwrap", SYSTEM, 1000, 9)[-3:] == ["--seccomp", "9", "--"]
