"""tempfile, shutil and pathlib."""

import shutil
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "a").write_text("x")
    shutil.copytree(folder, "copy")
with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile() as other:
    file.write(b"x")
    other.write(b"x")
assert Path("copy/a").read_text() == "x"
shutil.make_archive("archive", "zip", "copy")
shutil.rmtree("copy")
print("ok")
