"""asyncio by itself."""

import asyncio


async def main():
    return await asyncio.gather(*(asyncio.sleep(0.01, number) for number in range(5)))


assert asyncio.run(main()) == [0, 1, 2, 3, 4]
print("ok")
