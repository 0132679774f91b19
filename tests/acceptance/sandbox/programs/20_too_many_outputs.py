"""More files, and more bytes, than a run may hand in."""

import os

from tries import say

os.makedirs("out", exist_ok=True)
for number in range(150):
    with open(f"out/{number}", "w") as file:
        file.write("x")
for number in range(2):
    with open(f"out/large-{number}", "wb") as file:
        file.truncate(40 * 2**20)
say("end", "HELD")
