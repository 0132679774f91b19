"""Change programs and libraries that others run."""

import os
import sys
import sysconfig

from tries import GIVEN, attempt, write

PATHS = {
    "a program": f"/usr/bin/{GIVEN['mark']}",
    "the interpreter": os.path.realpath(sys.executable),
    "a library": f"{sysconfig.get_path('stdlib')}/os.py",
    "sitecustomize": f"{sysconfig.get_path('purelib')}/sitecustomize.py",
    "a new module": f"{sysconfig.get_path('stdlib')}/{GIVEN['mark']}.py",
    "ld.so.preload": "/etc/ld.so.preload",
    "cron": f"/etc/cron.d/{GIVEN['mark']}",
    "a unit": f"/etc/systemd/system/{GIVEN['mark']}.service",
    "the resolver": "/etc/resolv.conf",
    "the root folder": f"/{GIVEN['mark']}",
    "a boot file": f"/boot/{GIVEN['mark']}",
}

for name, path in PATHS.items():
    attempt(name, write, path)
attempt("delete a program", os.unlink, "/usr/bin/env")
attempt("a folder among programs", os.mkdir, f"/usr/{GIVEN['mark']}")
attempt("mode of a program", os.chmod, "/usr/bin/env", 0o4755)
