import pytest

from idlegrid_node.sandbox.remedies import (
    REMEDY_APPARMOR,
    REMEDY_CONTAINER,
    REMEDY_INSTALL,
    REMEDY_KERNEL,
    REMEDY_USERNS,
    remedy_for,
)


@pytest.mark.parametrize(
    ("complaint", "remedy"),
    [
        ("bwrap: setting up uid map: Permission denied", REMEDY_APPARMOR),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", REMEDY_APPARMOR),
        ("bwrap: Creating new namespace failed: No space left on device", REMEDY_USERNS),
        ("bwrap: No permissions to create new namespace", REMEDY_USERNS),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", REMEDY_CONTAINER),
        ("[Errno 38] Landlock: Function not implemented", REMEDY_KERNEL),
        ("[Errno 2] No such file or directory: 'bwrap'", REMEDY_INSTALL),
        ("something else", ""),
        ("", ""),
    ],
)
def test_each_known_complaint_has_its_remedy(complaint, remedy):
    assert remedy_for(complaint) == remedy
