"""asyncio with a child process."""

import asyncio
import sys


async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(6 * 7)", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out


assert asyncio.run(main()).strip() == b"42"
print("ok")
