"""Output that would act on whoever looks at it."""

import sys

sys.stdout.buffer.write(
    b"colour: HELD \x1b[31mred\x1b[0m\n"
    b"title: HELD \x1b]0;owned\x07\n"
    b"clipboard: HELD \x1b]52;c;ZXZpbA==\x07\n"
    b"script: HELD <script>alert(1)</script>\n"
    b"nul: HELD a\x00b\n"
    b"bytes: HELD \xff\xfe\xc3(\n"
    b"direction: HELD \xe2\x80\xaegnp.exe\n"
)
