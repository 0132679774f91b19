"""Which tasks a list shows: what its address may say, and how that is asked."""

from collections.abc import Mapping
from typing import Any

from idlegrid_console.texts import TASK_SORT, TASK_STATUS, TASK_TYPE

DEFAULTS: Mapping[str, Any] = {"state": "all", "type": "all", "sort": "newest", "search": "", "page": 1}
"""The filters by their names in the address, as they stand when it says nothing."""

ALLOWED = {"state": ("all", *TASK_STATUS), "type": ("all", *TASK_TYPE), "sort": tuple(TASK_SORT)}

_ORDERS = {
    "newest": ("created_at", "desc"),
    "name": ("name", "asc"),
    "due": ("next_run_at", "asc"),
    "ran": ("last_run_at", "desc"),
}


def question(chosen: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The same in the words of `Client.tasks`."""
    sort, order = _ORDERS[chosen["sort"]]
    status, kind = (None if chosen[name] == "all" else chosen[name] for name in ("state", "type"))
    return {
        "page": chosen["page"], "size": size, "status": status, "task_type": kind, "search": chosen["search"].strip(),
        "sort": sort, "order": order,
    }  # fmt: skip


def narrows(chosen: Mapping[str, Any]) -> bool:
    """Whether some tasks are left out."""
    return any(chosen[name] != DEFAULTS[name] for name in ("state", "type", "search", "page"))


def for_address(chosen: Mapping[str, Any]) -> dict[str, str]:
    """The shortest address that names these filters: what is as ever is left out."""
    return {name: str(value) for name, value in chosen.items() if value != DEFAULTS[name]}
