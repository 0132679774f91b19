"""Print without end; a bound of its own should nobody end it."""

import sys

FAR_TOO_MUCH_MIB = 256
line = "x" * 1023 + "\n"
for _ in range(FAR_TOO_MUCH_MIB * 1024):
    sys.stdout.write(line)
print("flood: LEAK all of it", flush=True)
