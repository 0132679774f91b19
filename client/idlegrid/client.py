"""The library's front door: a coordinator, seen from a notebook."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, Unpack
from urllib.parse import quote
from uuid import uuid4

from idlegrid.display import preformatted, table
from idlegrid.errors import IdlegridError
from idlegrid.jobs import JobCalls
from idlegrid.models import NodeInfo, RunInfo, RunPage, TaskInfo, TaskPage
from idlegrid.run import Run
from idlegrid.session import Session
from idlegrid.tasks import Task, TaskFields, new_task

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `idlegrid up` listens unless told otherwise."""

CHUNK_RUNS = 1000
"""The most submissions the coordinator takes in one request."""

CHUNK_BYTES = 900_000
"""The most code in one request: bodies are capped at 1 MiB."""

PAGE_SIZE = 100
"""Nodes per request."""


class Waited(NamedTuple):
    """What `Client.wait` found: the runs that have ended, and those that have not."""

    done: list[Run]
    not_done: list[Run]


class Client(JobCalls):
    """A coordinator at `url` (default: $IDLEGRID_URL, else this machine), safe to share between threads.

    `api_key` defaults to $IDLEGRID_API_KEY, `ca_file` to $IDLEGRID_CA_FILE: PEM certificates, for a coordinator at
    https:// whose own no authority of this system vouches for. Nothing is sent before the first call. Every method
    raises `Unreachable` when the coordinator does not answer and an `ApiError` when it refuses.
    """

    def __init__(self, url: str | None = None, api_key: str | None = None, *, ca_file: str | None = None) -> None:
        self.url = url or os.environ.get("IDLEGRID_URL") or DEFAULT_URL
        self.session = Session(self.url, api_key or os.environ.get("IDLEGRID_API_KEY") or None, ca_file=ca_file)

    def submit(
        self,
        code: str,
        *,
        timeout: float = 300,
        cpu: float = 1.0,
        memory: int = 512,
        priority: str = "normal",
        requires: Iterable[str] = (),
        parameters: Mapping[str, Any] | None = None,
        min_sandbox: int | None = None,
    ) -> Run:
        """Queue Python code to run once on a spare machine that has `cpu` cores and `memory` MB to offer.

        `timeout` is in seconds; `priority` is `low`, `normal`, `high` or `critical`; `requires` names labels
        that the node must carry; `parameters` reach the code as JSON in $IDLEGRID_PARAMETERS; `min_sandbox`
        (1 to 4) keeps it from nodes with a lower sandbox level (None: the coordinator's default, 3).
        """
        body = submission(
            code,
            timeout=timeout,
            cpu=cpu,
            memory=memory,
            priority=priority,
            requires=requires,
            parameters=parameters,
            min_sandbox=min_sandbox,
        )
        return self.run(self._make("/submit", body)["task_id"])

    def submit_many(self, submissions: Iterable[str | Mapping[str, Any]], **defaults: Any) -> list[Run]:
        """Queue many: each is code, or a mapping with `code` and `submit`'s arguments by name.

        `defaults` are `submit`'s arguments for those that do not say. Sent by the thousand; each request
        is all or nothing, so after an error those of earlier requests are queued.
        """
        bodies = [submission(**{**defaults, **_named(given)}) for given in submissions]
        return [
            self.run(run_id)
            for chunk in chunks(bodies)
            for run_id in self._make("/submit_many", {"tasks": chunk})["task_ids"]
        ]

    def run(self, run_id: int) -> Run:
        """Hold a run again whose id you know. Nothing is asked yet."""
        return Run(self.session, run_id)

    def create_task(
        self,
        name: str,
        *,
        code: str | None = None,
        command: str | None = None,
        task_type: str = "python",
        **more: Unpack[TaskFields],
    ) -> Task:
        """Define work that runs more than once: by a schedule, after other tasks, or when it is triggered.

        A `python` task has inline `code`, or as `command` the name of one of its files (`Task.put_file`); a `shell`
        task a line for `/bin/sh`, an `http` task a URL. `more` are the fields of `TaskFields`. Raises `Conflict`
        when the name is taken and `InvalidRequest`, which names the fields, for what no task may be.
        """
        fields = new_task(name, task_type, code, command) | more
        return Task(self.session, self.session.post("/api/tasks", fields, unwrap=True)["id"])

    def tasks(
        self,
        page: int = 1,
        size: int = 20,
        status: str | None = None,
        *,
        search: str | None = None,
        task_type: str | None = None,
        sort: str = "created_at",
        order: str = "desc",
    ) -> TaskPage:
        """One page of tasks; `status` is active, paused, completed or failed, `search` a part of name or description.

        `sort` is created_at, updated_at, id, name, priority, status, task_type, last_run_at or next_run_at.
        """
        params = {"page": page, "size": size, "status": status, "task_type": task_type, "search": search or None}
        answer = self.session.get("/api/tasks", {**params, "sort": sort, "order": order}, unwrap=True)
        return TaskPage.of(TaskInfo, answer)

    def task(self, task_id: int) -> Task:
        """Hold a task whose id you know. Nothing is asked yet."""
        return Task(self.session, task_id)

    def cancel(self, run_id: int) -> bool:
        """Call a run off; returns False when it had ended already."""
        return self.run(run_id).cancel()

    def wait(self, runs: Sequence[Run], timeout: float | None = None) -> Waited:
        """Wait until all have ended, at most `timeout` seconds in all (None: for ever)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        waited = Waited([], [])
        for run in runs:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            (waited.done if run.wait(left) else waited.not_done).append(run)
        return waited

    def runs(
        self,
        page: int = 1,
        size: int = 20,
        status: str | None = None,
        *,
        task_id: int | None = None,
        worker_id: str | None = None,
        order: str = "desc",
    ) -> RunPage:
        """One page of runs, newest first; `status` is pending, running, completed, failed or aborted."""
        params = {"page": page, "size": size, "status": status, "task_id": task_id, "worker_id": worker_id}
        return RunPage.of(RunInfo, self.session.get("/api/runs", {**params, "order": order}, unwrap=True))

    def nodes(self) -> list[NodeInfo]:
        """All nodes that the coordinator knows."""
        return [NodeInfo.from_wire(item) for item in self._pages("/api/workers")]

    def node(self, node_id: str) -> NodeInfo:
        """One node in full, with `policy`, `reclaims` and `idle_until`."""
        return NodeInfo.from_wire(self.session.get(_worker(node_id), unwrap=True))

    def node_week(self, node_id: str) -> dict[str, Any]:
        """At which hours a node's owner lends it: `hours` are 168 rows from Monday midnight by the owner's clock, with
        the share in which it was `idle` (None: not known); `window` says until when it should stay idle from now on.
        """
        return dict(self.session.get(f"{_worker(node_id)}/week", unwrap=True))

    def steer_node(self, node_id: str, status: str) -> NodeInfo:
        """Set what a node may do: `draining` finishes what runs there and takes no more, `offline` sends that back to
        its queue at once, `active` undoes both. Returns the node as it is then.
        """
        return self._change_node(node_id, {"status": status})

    def push_policy(self, node_id: str, values: Mapping[str, Any] | None) -> NodeInfo:
        """Ask a node's owner for these values of their policy, by name, instead of all asked for before; None for none.

        What the owner's own file says stands against it, and the node judges the rest: what it does not take, and why,
        is soon in `node(node_id).policy["refused"]`. Raises `InvalidRequest` for what can be no policy, and for a node
        that was registered by hand. Returns the node as it is then.
        """
        return self._change_node(node_id, {"policy": None if values is None else dict(values)})

    def _change_node(self, node_id: str, change: Mapping[str, Any]) -> NodeInfo:
        return NodeInfo.from_wire(self.session.put(_worker(node_id), json=change, unwrap=True))

    def stats(self) -> dict[str, Any]:
        """Return counts of runs and nodes, and throughput, since the record was made."""
        return dict(self.session.get("/stats"))

    def health(self) -> dict[str, Any]:
        """Return the coordinator's health and that of its parts; `Unreachable` when nobody answers."""
        return dict(self.session.get("/health"))

    def results(self, limit: int = 1000, after_id: int | None = None) -> list[dict[str, Any]]:
        """Results of completed runs (`task_id`, `result`, `completed_at`), newest last."""
        return list(self.session.get("/results", {"limit": limit, "after_id": after_id})["results"])

    def timeline(self, window: float = 3600, buckets: int = 60) -> dict[str, Any]:
        """Return counts per bucket of the last `window` seconds, for charts."""
        params = {"window": window, "buckets": buckets}
        return dict(self.session.get("/api/system/timeline", params, unwrap=True))

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send what makes runs under a fresh key, so that a request repeated on its way makes them once."""
        answer: dict[str, Any] = self.session.post(path, body, headers={"Idempotency-Key": str(uuid4())})
        return answer

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        page, pages = 1, 1
        while page <= pages:
            answer = self.session.get(path, {"page": page, "size": PAGE_SIZE}, unwrap=True)
            yield from answer["items"]
            page, pages = page + 1, answer["total_pages"]

    def __repr__(self) -> str:
        return f"<Client {self.url}>"

    def _repr_html_(self) -> str:
        try:
            nodes, tasks = self.nodes(), self.stats()["tasks"]
        except IdlegridError as error:
            return preformatted(f"{self!r}: {error}")
        rows = [(node.hostname or node.id, node.doing, node.reason, _slots(node), node.cpu_usage) for node in nodes]
        counts = table(tuple(tasks), [tuple(tasks.values())])
        return preformatted(repr(self)) + table(("node", "state", "reason", "runs", "CPU %"), rows) + counts


def submission(
    code: str,
    *,
    timeout: float = 300,
    cpu: float = 1.0,
    memory: int = 512,
    priority: str = "normal",
    requires: Iterable[str] = (),
    parameters: Mapping[str, Any] | None = None,
    min_sandbox: int | None = None,
) -> dict[str, Any]:
    """Make the body of `/submit`; the arguments are `Client.submit`'s."""
    labels = [requires] if isinstance(requires, str) else list(requires)
    body: dict[str, Any] = {
        "code": code,
        "timeout": timeout,
        "resources": {"cpu": cpu, "memory": memory},
        "priority": priority,
    }
    if labels:
        body["requires"] = labels
    if parameters is not None:
        body["parameters"] = dict(parameters)
    if min_sandbox is not None:
        body["min_sandbox"] = min_sandbox
    return body


def chunks(bodies: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Group submissions so that each group fits one request, in their order."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for body in bodies:
        length = len(json.dumps(body))
        if chunk and (len(chunk) == CHUNK_RUNS or size + length > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(body)
        size += length
    if chunk:
        yield chunk


def _named(given: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"code": given} if isinstance(given, str) else given


def _worker(node_id: str) -> str:
    return f"/api/workers/{quote(node_id, safe='')}"


def _slots(node: NodeInfo) -> str:
    return f"{node.current_task_count}/{node.max_concurrent_tasks}"
