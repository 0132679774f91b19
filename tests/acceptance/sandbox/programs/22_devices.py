"""Open the machine's devices, or make them."""

import os
import stat

from tries import attempt

DEVICES = (
    *("mem", "kmem", "port", "kmsg", "kvm", "fuse", "cuse", "vda", "sda", "nvme0n1", "loop0", "loop-control"),
    *("mapper/control", "dri/card0", "dri/renderD128", "nvidia0", "video0", "snd/timer", "input/event0", "uinput"),
    *("net/tun", "vhost-net", "vsock", "rtc0", "hpet", "watchdog", "userfaultfd", "bus/usb/001/001"),
)


def opened(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.close(fd)
    return f"opened {path}"


for name in DEVICES:
    attempt(name, opened, f"/dev/{name}")
for kind, mode in (("block", stat.S_IFBLK), ("character", stat.S_IFCHR)):
    attempt(f"make a {kind} device", lambda mode=mode: os.mknod("device", mode | 0o666, os.makedev(1, 1)) or "made")
