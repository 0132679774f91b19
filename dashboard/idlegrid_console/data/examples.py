"""What the editor of the Submit page can start from: short programs that run as they are, on any node."""

from dataclasses import dataclass

from idlegrid_console.texts import n_


@dataclass(frozen=True, slots=True)
class Example:
    """One program: `title` in a few words, `kind` its task type, `text` what stands in the editor.

    For a request over HTTP `text` is the URL. `parameters` is JSON, as it is typed.
    """

    title: str
    kind: str
    text: str
    parameters: str = ""


_HELLO = """\
import time

for step in range(1, 6):
    print("step", step, flush=True)
    time.sleep(0.5)
"""

_PARAMETERS = """\
import json
import idlegrid

given = idlegrid.parameters()
print(json.dumps({"sum": sum(given["numbers"]), "greeting": f"Hello, {given['name']}"}))
"""

_FILES = """\
# What lies in ./out/ when the code ends is kept: a table as CSV, and a chart drawn as PNG with the standard library.
import csv, math, os, struct, zlib

os.makedirs("out", exist_ok=True)
rows = [(x, math.sin(x / 20)) for x in range(320)]
with open("out/wave.csv", "w", newline="") as file:
    csv.writer(file).writerows([("x", "y"), *rows])

width, height = 320, 160
image = [bytearray(b"\\xff" * 3 * width) for _ in range(height)]
for x, y in rows:
    for thick in range(3):
        image[int(height / 2 - y * 70) + thick][3 * x : 3 * x + 3] = b"\\x2a\\x9d\\x6f"

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

pixels = zlib.compress(b"".join(b"\\0" + bytes(line) for line in image))
head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
with open("out/wave.png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
print(len(rows), "rows and a chart")
"""

_CHECKPOINT = """\
# The owner may come back at any time: what lies in the checkpoint's folder goes with the run to its next node.
import time
import idlegrid

kept = idlegrid.checkpoint_dir() / "step"
step = int(kept.read_text()) if kept.exists() else 0
while step < 60:
    step += 1
    time.sleep(0.5)
    print("step", step, flush=True)
    kept.write_text(str(step))
    if idlegrid.should_yield():
        raise SystemExit("told to leave: the next attempt goes on from here")
print("done after", step, "steps")
"""

_SHELL = """\
echo "a node named $(uname -n) with $(nproc) cores"
seq 1 100 | awk '{ sum += $1 } END { print "1 + … + 100 =", sum }'
"""

EXAMPLES = {
    "hello": Example(n_("Hello, with a live log"), "python", _HELLO),
    "parameters": Example(
        n_("Parameters, and a result in JSON"), "python", _PARAMETERS, '{"name": "Ada", "numbers": [1, 2, 3]}'
    ),
    "files": Example(n_("Files: a table and a chart"), "python", _FILES),
    "checkpoint": Example(n_("A long loop with checkpoints"), "python", _CHECKPOINT),
    "shell": Example(n_("Shell commands"), "shell", _SHELL),
    "http": Example(n_("A request over HTTP"), "http", "https://example.org/"),
}
"""By a short name, in the order of the menu."""
