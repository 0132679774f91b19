"""A supervisor over stand-in programs: `python grid_of_scripts.py LOGS JSON`, a process of its own in the tests.

JSON is a list of `{"name", "code", "stage", "needs", "essential"}`; `code` is Python, run with `-c`. The condition
`up` is met as soon as the supervisor runs. Prints what the supervisor says.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from idlegrid_server.up.errors import UpError
from idlegrid_server.up.process import ChildSpec, adopt_orphans, end_orphans
from idlegrid_server.up.stopping import Stage
from idlegrid_server.up.supervisor import Supervisor


def spec(given: dict[str, Any]) -> ChildSpec:
    return ChildSpec(
        name=given["name"],
        argv=given.get("argv") or [sys.executable, "-I", "-S", "-u", "-c", given["code"]],
        stage=Stage[given.get("stage", "WORKERS")],
        needs=frozenset(given.get("needs", [])),
        essential=given.get("essential", False),
    )


async def serve(logs: Path, given: list[dict[str, Any]]) -> None:
    supervisor = Supervisor([spec(one) for one in given], logs, lambda text: print(text, flush=True))
    asyncio.get_running_loop().call_soon(supervisor.meet, "up")
    await supervisor.run()


if __name__ == "__main__":
    adopt_orphans()
    try:
        asyncio.run(serve(Path(sys.argv[1]), json.loads(sys.argv[2])))
    except UpError as error:
        print(f"error: {error}", flush=True)
        sys.exit(error.status)
    finally:
        end_orphans()
