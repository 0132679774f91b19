"""The data folder and its lock."""

import os

import pytest

from idlegrid_server.up.errors import FolderTaken
from idlegrid_server.up.folder import DataFolder


def test_the_folder_is_private_to_its_user(tmp_path):
    folder = DataFolder(tmp_path / "deep" / "grid")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.run.is_dir()


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path):
    folder = DataFolder(tmp_path)
    with folder.lock(), pytest.raises(FolderTaken, match=rf"process {os.getpid()}\)"):
        DataFolder(tmp_path).lock()


def test_the_folder_is_free_again_afterwards(tmp_path):
    with DataFolder(tmp_path).lock():
        pass
    with DataFolder(tmp_path).lock():
        pass
