"""Which runs a list shows, as the page's address says it: read, written, and asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idlegrid_console.data.text import number
from idlegrid_console.texts import RUN_SORT, RUN_STATUS, SINCE

SIZES = (10, 25, 50, 100)
"""Rows per page; the coordinator gives no more than the last."""

LONGEST = 200
"""Characters of a word to look for."""

PERIODS = {"1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
"""Seconds back from now, by the codes of `SINCE`."""

ORDERS = {
    "newest": ("id", "desc"),
    "oldest": ("id", "asc"),
    "started": ("started_at", "desc"),
    "ended": ("completed_at", "desc"),
}
"""What the wire calls the ways of sorting, by the codes of `RUN_SORT`: a field and its order."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for, in which order, and which page of it; the defaults are all runs, newest first."""

    status: str = "all"
    search: str = ""
    submitter: str = ""
    node: str = ""
    task_id: int | None = None
    since: str = "ever"
    sort: str = "newest"
    size: int = SIZES[0]
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether some runs are left out."""
        return bool(
            self.status != "all" or self.search or self.submitter or self.node or self.task_id or self.since != "ever"
        )

    @property
    def out_of_sight(self) -> int:
        """How many filters stand in the part of the page that is folded away."""
        return sum([bool(self.submitter), bool(self.node)])


def of_address(given: Mapping[str, str]) -> Filters:
    """The filters that an address names; whatever is nonsense in it counts for nothing."""
    size = number(given.get("size", ""))
    return Filters(
        status=_one_of(given.get("status"), ("all", *RUN_STATUS)),
        search=given.get("search", "")[:LONGEST].strip(),
        submitter=given.get("submitter", "")[:LONGEST].strip(),
        node=given.get("worker_id", "")[:LONGEST].strip(),
        task_id=number(given.get("task_id", "")),
        since=_one_of(given.get("since"), tuple(SINCE)),
        sort=_one_of(given.get("sort"), tuple(RUN_SORT)),
        size=size if size in SIZES else SIZES[0],
        page=number(given.get("page", "")) or 1,
    )


def for_address(wanted: Filters) -> dict[str, str]:
    """The shortest address that names these filters: what is as ever is left out."""
    said = {
        "status": wanted.status, "search": wanted.search, "submitter": wanted.submitter, "worker_id": wanted.node,
        "task_id": wanted.task_id, "since": wanted.since, "sort": wanted.sort, "size": wanted.size,
        "page": wanted.page,
    }  # fmt: skip
    usual = Filters()
    ever = {usual.status, usual.since, usual.sort, usual.size, usual.page, "", None}
    return {name: str(value) for name, value in said.items() if value not in ever}


def question(wanted: Filters) -> dict[str, Any]:
    """The same in the words of `Client.runs`; `within` are seconds back from now, instead of its `since`.

    An instant would be another one at each refresh, and no answer could be shared or remembered.
    """
    sort, order = ORDERS[wanted.sort]
    return {
        "page": wanted.page,
        "size": wanted.size,
        "status": None if wanted.status == "all" else wanted.status,
        "task_id": wanted.task_id,
        "worker_id": wanted.node or None,
        "search": wanted.search,
        "submitter": wanted.submitter or None,
        "within": PERIODS.get(wanted.since),
        "sort": sort,
        "order": order,
    }


def _one_of(given: str | None, known: tuple[str, ...]) -> str:
    """The code if it is known, else the first one."""
    return given if given in known else known[0]
