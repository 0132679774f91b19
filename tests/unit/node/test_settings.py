import pytest

from idlegrid_node.errors import DataFolderInUse, SettingsError
from idlegrid_node.folder import DataFolder
from idlegrid_node.settings import identity, last_joined, note_joined, slot_uid


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


def test_a_data_folder_belongs_to_one_node(tmp_path):
    with DataFolder(tmp_path / "data") as folder, pytest.raises(DataFolderInUse, match="another node"):
        DataFolder(folder.path)
    DataFolder(tmp_path / "data").close()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        DataFolder(tmp_path / "file")
