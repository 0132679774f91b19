import argparse
from pathlib import Path

import pytest

from idlegrid_node import command, given
from idlegrid_node.errors import DataFolderInUse, SettingsError
from idlegrid_node.folder import DataFolder
from idlegrid_node.settings import (
    ca_file,
    identity,
    last_joined,
    max_level,
    note_joined,
    packages,
    preload,
    slot_uid,
    task_types,
)


def test_a_node_makes_itself_a_name_once(tmp_path):
    name = identity(tmp_path, None)
    assert identity(tmp_path, None) == name
    assert name.rpartition("-")[0]


def test_a_given_name_is_used_and_checked(tmp_path):
    assert identity(tmp_path, "lab-07") == "lab-07"
    for bad in ("", "-x", "a b", "ü", "x" * 129):
        with pytest.raises(SettingsError, match="no name for a node"):
            identity(tmp_path, bad)


def test_the_last_coordinator_is_remembered(tmp_path):
    assert last_joined(tmp_path) == ""
    note_joined(tmp_path, "a1b2c3d4")
    assert last_joined(tmp_path) == "a1b2c3d4"


def test_the_slot_uid_is_never_a_system_account():
    assert slot_uid({}) == 64000
    assert slot_uid({"IDLEGRID_NODE_SLOT_UID": "70000"}) == 70000
    for bad in ("0", "999", "x", "-1"):
        with pytest.raises(SettingsError, match="IDLEGRID_NODE_SLOT_UID"):
            slot_uid({"IDLEGRID_NODE_SLOT_UID": bad})


def test_the_best_level_is_announced_unless_the_owner_says_less():
    assert max_level({}) == 4
    assert [max_level({"IDLEGRID_NODE_MAX_LEVEL": text}) for text in "01234"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("text", ["5", "-1", "x", "", "3.0", "²"])
def test_a_level_that_does_not_exist_is_named(text):
    with pytest.raises(SettingsError, match="IDLEGRID_NODE_MAX_LEVEL must be from 0 to 4"):
        max_level({"IDLEGRID_NODE_MAX_LEVEL": text})


def test_all_types_are_taken_that_the_owner_allows():
    assert task_types("", "none") == ("python", "shell")
    assert task_types("", "public") == task_types("", "any") == ("python", "shell", "http")
    assert task_types(" shell, python,shell", "any") == ("shell", "python")


@pytest.mark.parametrize(("text", "named"), [("python,java", "'java' is none of"), ("http", "http needs --network")])
def test_a_type_that_cannot_be_taken_is_named(text, named):
    with pytest.raises(SettingsError, match=named):
        task_types(text, "none")


def test_a_folder_of_packages_is_made_absolute(tmp_path, monkeypatch):
    (tmp_path / "packages").mkdir()
    monkeypatch.chdir(tmp_path)
    assert packages(Path("packages")) == tmp_path / "packages"
    assert packages(None) is None


def test_a_folder_of_packages_that_is_not_there_is_named_with_what_makes_one(tmp_path):
    with pytest.raises(SettingsError, match=f"{tmp_path}/nowhere is no folder: make one with `pip install"):
        packages(tmp_path / "nowhere")


def test_modules_to_preload_are_separated_by_commas():
    assert preload("") == ()
    assert preload("numpy, xml.dom ,_private") == ("numpy", "xml.dom", "_private")


@pytest.mark.parametrize("name", ["a b", "a;b", "os.", ".os", "1x", "../x", "a-b", "ü", "a\n"])
def test_a_preload_that_is_no_modules_name_is_named(name):
    with pytest.raises(SettingsError, match="is no module's name"):
        preload(f"json,{name}x,os" if name.endswith("\n") else f"json,{name},os")


def test_a_data_folder_belongs_to_one_node(tmp_path):
    with DataFolder(tmp_path / "data") as folder, pytest.raises(DataFolderInUse, match="another node"):
        DataFolder(folder.path)
    DataFolder(tmp_path / "data").close()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        DataFolder(tmp_path / "file")


@pytest.mark.parametrize(
    ("words", "api_key", "join"),
    [
        ((), "submitters", "fleets"),
        (("--join", "token"), None, "token"),
        (("--api-key", "mine"), "mine", "fleets"),
        (("--api-key", "mine", "--join", "token"), "mine", "token"),
    ],
)
def test_what_the_command_line_says_goes_before_the_environment(words, api_key, join, tmp_path, monkeypatch):
    monkeypatch.setenv("IDLEGRID_API_KEY", "submitters")
    monkeypatch.setenv("IDLEGRID_JOIN", "fleets")
    parser = argparse.ArgumentParser()
    command.configure(parser)
    settings = given.settings(parser.parse_args(["--server", "http://grid.lab:8000", *words]), tmp_path)
    assert (settings.api_key, settings.join) == (api_key, join)
    assert "join=" not in repr(settings)
    assert "api_key=" not in repr(settings)


def test_a_file_of_certificates_is_looked_at_before_the_start(tmp_path):
    assert ca_file(None) is None
    assert ca_file("") is None
    (tmp_path / "empty.pem").touch()
    with pytest.raises(SettingsError, match=r"--ca-file: .*empty\.pem cannot be used: there is no PEM certificate"):
        ca_file(str(tmp_path / "empty.pem"))
    with pytest.raises(SettingsError, match="No such file"):
        ca_file(str(tmp_path / "none.pem"))
