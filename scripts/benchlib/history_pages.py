"""One client that turns the pages of lists, and times the answers."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlencode

from benchlib.report import Figure, at_most, p50, spread

SECTION = "i history"
LIST_MS, DETAIL_MS = 50.0, 10.0
"""The bounds that the 99th percentiles are held to."""
DETAILS = 300
ROUNDS = 3
"""Answers per page; the middle one counts, because the machine has other things to do, too."""
WORST = 5
"""How many of the slowest pages are named with the figures."""


class Pages:
    """One client on one connection. What names a list's pages differs from API to API."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port)

    def lists(
        self,
        name: str,
        path: str,
        filters: Sequence[Mapping[str, str]],
        sorts: Sequence[str],
        limit: float | None = LIST_MS,
    ) -> list[Figure]:
        """First, middle and last page of a list by each filter, sort and order."""
        pages = product(filters, sorts, (False, True))
        return self.times(name, [one for words in pages for one in self.ends(path, *words)], limit)

    def ends(self, path: str, filters: Mapping[str, str], sort: str, newest_first: bool) -> Iterator[str]:
        """The paths of a list's first, middle and last page."""
        raise NotImplementedError

    def times(self, name: str, paths: list[str], limit: float | None) -> list[Figure]:
        """How long each path takes: the median of all rounds."""
        rounds = [[self._time(path) for path in paths] for _ in range(ROUNDS)]
        found = [(p50(answers), path) for path, *answers in zip(paths, *rounds, strict=True)]
        bound = None if limit is None else at_most(limit, "ms")
        rows = spread(SECTION, f"{name}, {len(paths)} pages", [ms for ms, _ in found], bound, tail=1.0)
        rows[0].detail["slowest"] = sorted(found, reverse=True)[:WORST]
        return rows

    def _time(self, path: str) -> float:
        began = time.perf_counter()
        self.ask("GET", path)
        return (time.perf_counter() - began) * 1000

    def get(self, path: str) -> Any:
        """What a path answers."""
        return json.loads(self.ask("GET", path))

    def ask(self, method: str, path: str, words: object = None) -> bytes:
        """The answer to a request. Raises RuntimeError for any other than 200."""
        body = None if words is None else json.dumps(words)
        self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
        return told


class TaskPages(Pages):
    """Of the task API, whose lists have numbered pages."""

    def ends(self, path: str, filters: Mapping[str, str], sort: str, newest_first: bool) -> Iterator[str]:
        """The paths of a list's first, middle and last page."""
        first = f"{path}?{urlencode({**filters, 'sort': sort, 'order': 'desc' if newest_first else 'asc'})}"
        last = max(1, self.get(first)["data"]["total_pages"])
        for page in sorted({1, (last + 1) // 2, last}):
            yield f"{first}&page={page}"


class JobPages(Pages):
    """Of the jobs API, whose lists are cut by offsets."""

    def ends(self, path: str, filters: Mapping[str, str], sort: str, newest_first: bool) -> Iterator[str]:
        """The paths of a list's first, middle and last page."""
        first = f"{path}?{urlencode({**filters, 'order_by': sort, 'order_desc': str(newest_first).lower()})}"
        of = self.get(first)["pagination"]
        for offset in sorted({0, of["total"] // 2, max(0, of["total"] - of["page_size"])}):
            yield f"{first}&offset={offset}"
