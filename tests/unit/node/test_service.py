"""The node's service: the unit's text, which systemd itself reads here, and what is done with it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid.cli import main
from idlegrid_node import systemd, unit
from idlegrid_node.errors import NodeError, SettingsError
from idlegrid_node.systemd import Manager
from idlegrid_node.verbs import service, serving

NASTY = (
    "a b",
    "50%",
    "%h %%",
    "$HOME",
    "$$",
    "${PATH}",
    'say "hi"',
    "it's",
    "back\\slash",
    ";",
    "tab\tnew\nline",
    "",
    "ü€",
    "\\x41",
    "-x",
    "#",
    "\x01",
)
URL = "http://lab:8000"
SYSTEMD = Path("/lib/systemd/systemd")
NOBODY = 65534


def made(*words, system=False, **more):
    return unit.text(unit.Unit(system, (sys.executable, *words), Path("/var/lib/a b"), 30.0, **more))


def meant(line):
    """The words of an ExecStart= line, by what systemd.service(5) says of its quotes, `$` and `%`."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line.removeprefix("ExecStart="))
    return [_unquoted(quotes or plain) for quotes, plain in words]


def _unquoted(text):
    known = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\t": "\t", "\\r": "\r", "%%": "%", "$$": "$"}

    def one(found):
        return known.get(found[0]) or chr(int(found["hex"] or found["octal"], 16 if found["hex"] else 8))

    return re.sub(r"\\x(?P<hex>..)|\\(?P<octal>[0-7]{3})|\\.|%%|\$\$", one, text)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """`idlegrid node service …` where no systemd runs: its exit status; the unit would lie at `installed.file`."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(systemd, "RUNS", tmp_path / "none")

    def call(verb, *words):
        return main(["node", "service", verb, "--user", "--data", str(tmp_path / "data"), *words])

    monkeypatch.setattr(call, "file", tmp_path / "config" / "systemd" / "user" / unit.NAME, raising=False)
    return call


@given(words=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)))
def test_every_word_stands_in_the_unit_as_it_was_meant(words):
    line = next(line for line in made(*words).split("\n") if line.startswith("ExecStart="))
    assert meant(line) == [sys.executable, *words]
    assert re.search(r"(?<!\$)(\$\$)*\$(?!\$)", line) is None


def test_the_units_of_a_user_and_of_the_machine():
    own, machines = made("node"), made("node", system=True)
    for text in (own, machines):
        assert text.startswith(unit.MARK)
        assert {"Delegate=yes", "KillMode=mixed", "Restart=on-failure", "TimeoutStopSec=45"} <= set(text.splitlines())
        assert unit.data_folder(text) == Path("/var/lib/a b")
    assert "WantedBy=default.target" in own
    assert "network-online" not in own
    assert "WantedBy=multi-user.target" in machines
    assert "User=" not in machines


@pytest.mark.parametrize("folder", ["/a\nExecStartPre=/bin/sh", "/a\udc80", "/a\\"])
def test_a_folder_that_no_unit_can_name_is_refused(folder):
    with pytest.raises(SettingsError):
        unit.text(unit.Unit(False, ("x",), Path(folder), 30.0))
    with pytest.raises(SettingsError):
        unit.text(unit.Unit(False, ("x", "\udc80"), Path("/a"), 30.0))


@pytest.mark.parametrize("system", [False, True])
def test_systemd_takes_the_unit_with_nasty_words(system, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze (Debian: apt install systemd)")
    key_file = tmp_path / "a %b" / "service.env"
    key_file.parent.mkdir()
    key_file.touch()
    environment = {"IDLEGRID_TLS_NAME": "a b%c$d\"e'f"}
    (tmp_path / unit.NAME).write_text(made(*NASTY, system=system, environment=environment, key_file=key_file))
    command = [program, *([] if system else ["--user"]), "verify", "--man=no", f"./{unit.NAME}"]
    surroundings = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, unit.NAME in done.stderr) == (0, False), done.stderr


def test_systemd_reads_the_words_that_were_meant():
    """A user's systemd is told to print what it would start; it does not do so for root."""
    if not SYSTEMD.exists() or (os.geteuid() == 0 and not shutil.which("setpriv")):
        pytest.skip("no systemd to ask")
    dropped = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="idlegrid-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "run").mkdir()
        (folder / "run").chmod(0o777)
        (folder / unit.NAME).write_text(made(*NASTY))
        surroundings = {
            "HOME": name,
            "XDG_RUNTIME_DIR": f"{name}/run",
            "SYSTEMD_UNIT_PATH": f"{name}:",
            "LANG": "C.UTF-8",
        }
        command = [*dropped, str(SYSTEMD), "--user", "--test", f"--unit={unit.NAME}"]
        done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.strip() for line in done.stdout.splitlines() if sys.executable in line]
    if not lines:
        pytest.skip(f"this systemd prints nothing: {done.stderr[:200]}")
    read = lines[0].removeprefix("Command Line: ").replace("%", "%%").replace("\\$", "$")
    assert meant(read) == [sys.executable, *NASTY]


def test_a_unit_is_printed_and_nothing_else_is_done(installed, tmp_path, capsys):
    words = ("--server", URL, "--labels", "gpu,big one", "--profile", "office-hours", "--join", "ig_join_secret")
    assert installed("install", "--print", *words) == 0
    shown = capsys.readouterr().out
    assert '"--labels=gpu,big one"' in shown
    assert "--profile=office-hours" in shown
    assert f"--data={tmp_path}/data" in shown
    assert "secret" not in shown
    assert list(tmp_path.iterdir()) == []


def test_the_options_may_stand_before_the_verb_and_paths_become_whole(installed, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("evict_grace_s = 10\n")
    monkeypatch.setenv("IDLEGRID_NODE_POLICY", "mine.toml")
    monkeypatch.setenv("IDLEGRID_NODE_MAX_LEVEL", "3")
    assert main(["node", "--server", URL, "--name", "lab-07", "service", "install", "--user", "--print"]) == 0
    shown = capsys.readouterr().out
    assert {"TimeoutStopSec=25", 'Environment="IDLEGRID_NODE_MAX_LEVEL=3"'} <= set(shown.splitlines())
    assert f"--policy-file={tmp_path}/mine.toml" in shown
    assert "--name=lab-07" in shown


def test_where_systemd_does_not_run_the_unit_is_written_and_the_commands_are_told(installed, tmp_path, capsys):
    assert installed("install", "--server", URL) == service.WRITTEN
    said = capsys.readouterr().out
    assert "systemctl --user daemon-reload && systemctl --user enable idlegrid-node.service" in said
    assert "loginctl enable-linger" in said
    assert installed.file.stat().st_mode & 0o777 == 0o644
    assert installed("status") == serving.NOT_RUNNING
    assert "systemd does not run here" in capsys.readouterr().out
    assert installed("install", "--server", URL, "--labels", "new") == service.WRITTEN
    assert "--labels=new" in installed.file.read_text()
    assert installed("uninstall") == 0
    assert f"the data folder stays: {tmp_path}/data" in capsys.readouterr().out
    assert (installed.file.exists(), (tmp_path / "data" / "node_id").exists()) == (False, True)
    assert installed("uninstall") == 0
    assert installed("status", "--json") == serving.NOT_INSTALLED


def test_a_unit_of_somebody_elses_is_left_alone_unless_that_is_asked_for(installed, capsys):
    installed.file.parent.mkdir(parents=True)
    installed.file.write_text("[Service]\nExecStart=/bin/true\n")
    for verb, words in (("install", ("--server", URL)), ("uninstall", ())):
        assert installed(verb, *words) == 1
        assert "was not written by this command: --force" in capsys.readouterr().err
        assert "/bin/true" in installed.file.read_text()
    assert installed("install", "--server", URL, "--force") == service.WRITTEN
    assert installed.file.read_text().startswith(unit.MARK)


def test_a_key_goes_into_a_file_for_the_nodes_user_alone_and_no_further(installed, tmp_path):
    assert installed("install", "--server", URL, "--api-key", "ig_node_secret") == service.WRITTEN
    kept, text = tmp_path / "data" / service.KEY_FILE, installed.file.read_text()
    assert f"EnvironmentFile={kept}\n" in text
    assert "secret" not in text
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("IDLEGRID_API_KEY=ig_node_secret\n", 0o600)
    assert installed("uninstall") == 0
    assert not kept.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "which coordinator?"),
        (("--server", "http://me:secret@lab"), "with a password in its command line"),
        (("--server", URL, "--api-key", "a\nb"), "that is no key"),
        (("--server", URL, "--policy-file", "/none"), "the policy file /none cannot be read"),
    ],
)
def test_what_could_not_start_is_not_installed(installed, capsys, words, why, monkeypatch):
    monkeypatch.delenv("IDLEGRID_URL", raising=False)
    assert installed("install", *words) == 1
    assert why in capsys.readouterr().err
    assert not installed.file.exists()


@pytest.mark.parametrize(("platform", "means"), [("darwin", "a launch agent"), ("win32", "the task scheduler")])
def test_other_systems_are_told_what_to_do_there(installed, capsys, monkeypatch, platform, means):
    monkeypatch.setattr(service.sys, "platform", platform)
    assert installed("install", "--server", URL) == 1
    assert means in capsys.readouterr().err


def test_only_root_may_make_the_machines_service(monkeypatch):
    monkeypatch.setattr(systemd.os, "geteuid", lambda: 1000)
    with pytest.raises(NodeError, match="run it with sudo, or take --user"):
        Manager(system=True).check_allowed()


@pytest.fixture
def systemctl(installed, tmp_path, monkeypatch):
    """A `systemctl` that notes what it is told, and says that the unit runs; a function that returns the notes."""
    program, notes = tmp_path / "bin" / "systemctl", tmp_path / "notes"
    program.parent.mkdir()
    shown = r"ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=1\n"
    answer = f'case "$*" in *show*) printf "{shown}";; esac'
    program.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(notes))}\n{answer}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(systemd, "RUNS", tmp_path)
    return lambda: notes.read_text().splitlines()


def test_where_systemd_runs_the_unit_is_enabled_started_and_stopped_again(installed, systemctl, capsys):
    assert installed("install", "--server", URL) == 0
    assert systemctl() == [
        f"--user {what}" for what in ("daemon-reload", f"enable {unit.NAME}", f"restart {unit.NAME}")
    ]
    capsys.readouterr()
    assert installed("status", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["enabled"], told["state"], told["node"]) == (True, "active", None)
    assert installed("uninstall") == 0
    assert systemctl()[-2:] == [f"--user disable --now {unit.NAME}", "--user daemon-reload"]


def test_a_systemctl_that_fails_is_quoted(installed, systemctl, tmp_path, capsys):
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    assert installed("install", "--server", URL) == 1
    assert "`systemctl --user daemon-reload` failed: Failed to connect to bus" in capsys.readouterr().err
    assert installed.file.exists()
