"""What submitted code may use while it runs on a node.

In a sandbox this file by itself is the module `idlegrid`: it imports nothing but the standard library.
"""

import json
import os
from typing import Any

VARIABLE = "IDLEGRID_PARAMETERS"
"""Where a node puts a run's parameters, as JSON."""


def parameters() -> dict[str, Any]:
    """Read the parameters that this run was submitted with; {} when there are none.

    Raises `ValueError` when the variable holds something else than a JSON object.
    """
    value = json.loads(os.environ.get(VARIABLE) or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"${VARIABLE} is not a JSON object")  # noqa: TRY004 - the content is wrong, not a type
    return value
