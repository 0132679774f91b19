from idlegrid_node.sandbox.bwrap import PACKAGES_INSIDE, Interpreter, command

SYSTEM = Interpreter("/usr/bin/python3", "3.11")
OWN = Interpreter("/python/bin/python3.12", "3.12", "/home/owner/python")
FILTER = 9


def words_for(python: Interpreter = SYSTEM, tmpfs_bytes: int = 1000, packages: str = "") -> list[str]:
    return command("bwrap", python, tmpfs_bytes, FILTER, packages)


def pairs(words: list[str], option: str, count: int = 2) -> list[tuple[str, ...]]:
    return [tuple(words[at + 1 : at + 1 + count]) for at, word in enumerate(words) if word == option]


def test_every_namespace_is_new_and_no_right_is_kept():
    words = words_for()
    for option in ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"):
        assert option in words
    assert pairs(words, "--cap-drop", 1) == [("ALL",)]
    assert pairs(words, "--uid", 1) == [("65534",)]


def test_only_system_folders_are_shown():
    words = words_for()
    assert pairs(words, "--ro-bind") == [("/usr", "/usr")]
    assert "--bind" not in words
    assert "--dev-bind" not in words
    assert all(source.startswith("/etc/") for source, _ in pairs(words, "--ro-bind-try"))


def test_an_interpreter_outside_usr_is_shown_under_a_neutral_name():
    words = words_for(OWN)
    assert ("/home/owner/python", "/python") in pairs(words, "--ro-bind")
    assert words.index("/home/owner/python") > words.index("/work")
    assert ("LD_LIBRARY_PATH", "/python/lib") in pairs(words, "--setenv")


def test_packages_are_shown_read_only_under_a_neutral_name():
    words = words_for(packages="/home/owner/packages")
    assert ("/home/owner/packages", PACKAGES_INSIDE) in pairs(words, "--ro-bind")
    assert words.index("/home/owner/packages") > words.index("/work")


def test_every_writable_place_is_bounded_and_the_rest_is_read_only():
    words = words_for(tmpfs_bytes=12345)
    assert pairs(words, "--size", 3) == [("67108864", "--tmpfs", "/dev/shm"), ("12345", "--tmpfs", "/work")]
    assert pairs(words, "--remount-ro", 1) == [("/proc",), ("/dev",), ("/",)]


def test_the_environment_begins_empty_and_names_no_place_of_the_owners():
    words = words_for(OWN)
    assert words.index("--clearenv") < words.index("--setenv")
    assert not [value for _, value in pairs(words, "--setenv") if "/home" in value]


def test_the_filter_is_given_last_before_the_program():
    assert words_for()[-3:] == ["--seccomp", str(FILTER), "--"]
