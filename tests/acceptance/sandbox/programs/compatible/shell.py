"""Child processes: by list, by shell, with a pipe between them, with a time limit."""

import os
import subprocess
import sys

assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout == "1\n"
assert subprocess.check_output("echo b; echo a | sort | head -1", shell=True, text=True) == "b\na\n"
assert os.popen("cat main.py | wc -c").read().strip().isdigit()
try:
    subprocess.run(["sleep", "60"], timeout=0.1)
except subprocess.TimeoutExpired:
    print("ok")
