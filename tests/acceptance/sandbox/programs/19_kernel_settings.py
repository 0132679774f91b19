"""Change the kernel's settings. What is written is what stands there, so that a success would harm nobody."""

import os

from tries import attempt

SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/proc/self/uid_map",
    "/proc/self/gid_map",
    "/proc/self/oom_score_adj",
    "/proc/self/autogroup",
    "/proc/1/oom_score_adj",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/fs/cgroup/cgroup.procs",
)


def rewritten(path):
    try:
        with open(path, "rb") as file:
            content = file.read(4096)
    except OSError:
        content = b""
    with open(path, "wb", buffering=0) as file:
        if content and "sysrq" not in path:
            file.write(content)
    return f"opened {path} for writing"


def writable_settings():
    """How many of all settings may be opened for writing."""
    found = []
    for folder, _, names in os.walk("/proc/sys"):
        for name in names:
            try:
                os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
            except OSError:
                continue
            found.append(name)
    return found


for path in SETTINGS:
    attempt(path, rewritten, path)
attempt("all below /proc/sys", writable_settings)
