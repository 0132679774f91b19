"""The library's front door: a coordinator, seen from a notebook."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self, Unpack
from uuid import uuid4

from idlegrid.access import AccessCalls
from idlegrid.display import preformatted, table
from idlegrid.errors import IdlegridError
from idlegrid.explanation import Explanation
from idlegrid.jobs import JobCalls
from idlegrid.models import NodeInfo, RunInfo, RunPage, TaskInfo, TaskPage
from idlegrid.nodes import NodeCalls
from idlegrid.run import Run
from idlegrid.session import Session
from idlegrid.system import SystemCalls
from idlegrid.tasks import Task, TaskFields, new_task

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `idlegrid up` listens unless told otherwise."""

CHUNK_RUNS = 1000
"""The most submissions the coordinator takes in one request."""

CHUNK_BYTES = 900_000
"""The most code in one request: bodies are capped at 1 MiB."""


class Waited(NamedTuple):
    """What `Client.wait` found: the runs that have ended, and those that have not."""

    done: list[Run]
    not_done: list[Run]


class Client(JobCalls, NodeCalls, SystemCalls, AccessCalls):
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
        task_type: str = "python",
        request: Mapping[str, Any] | None = None,
        retry_count: int = 0,
    ) -> Run:
        """Queue Python code to run once on a spare machine that has `cpu` cores and `memory` MB to offer.

        `timeout` is in seconds; `priority` is `low`, `normal`, `high` or `critical`; `requires` names labels
        that the node must carry; `parameters` reach the code as JSON in $IDLEGRID_PARAMETERS; `min_sandbox`
        (1 to 4) keeps it from nodes with a lower sandbox level (None: the coordinator's default, 3). With `task_type`
        `shell` the code is a line for `/bin/sh`, with `http` a URL, to which `request` (`method`, `headers`, `body`)
        is sent. After a failure it is tried again `retry_count` times.
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
            task_type=task_type,
            request=request,
            retry_count=retry_count,
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
        search: str = "",
        submitter: str | None = None,
        since: datetime | None = None,
        sort: str = "id",
        order: str = "desc",
    ) -> RunPage:
        """One page of runs, newest first; `status` is pending, running, completed, failed or aborted, `search` a part
        of their task's name, or a run's number, `since` from when on they were made.
        """
        params = {"page": page, "size": size, "status": status, "task_id": task_id, "worker_id": worker_id}
        params |= {"search": search or None, "submitter": submitter, "since": since.isoformat() if since else None}
        answer = self.session.get("/api/runs", {**params, "sort": sort, "order": order}, unwrap=True)
        return RunPage.of(RunInfo, answer)

    def restart(self, run_id: int) -> Run:
        """A new run with the same code and needs as one that has ended. Raises `Conflict` while it has not."""
        answer = self.session.post(f"/api/runs/{run_id}/restart", {}, _fresh_key(), unwrap=True)
        return Run(self.session, answer["new_run_id"])

    def preview(self, **needs: Any) -> Explanation:
        """Why a run with these needs (`cpu`, `memory` and the others of `submit`) would not start at once, and how many
        nodes could take it: `nodes` has `known`, `able`, `taking` and `free`. No run is made.
        """
        body = submission("", **needs)
        del body["code"]
        return Explanation.from_wire(self.session.post("/api/runs/explain", body, unwrap=True))

    def run_usage(self, run_id: int) -> dict[str, Any]:
        """What each of a run's `attempts` used over time: `points` of seconds, CPU seconds, MB, processes."""
        return dict(self.session.get(f"/api/runs/{run_id}/usage", unwrap=True))

    def stats(self) -> dict[str, Any]:
        """Return counts of runs and nodes, and throughput, since the record was made."""
        return dict(self.session.get("/stats"))

    def health(self) -> dict[str, Any]:
        """Return the coordinator's health and that of its parts; `Unreachable` when nobody answers."""
        return dict(self.session.get("/health"))

    def results(self, limit: int = 1000, after_id: int | None = None) -> list[dict[str, Any]]:
        """Results of completed runs (`task_id`, `result`, `completed_at`), newest last."""
        return list(self.session.get("/results", {"limit": limit, "after_id": after_id})["results"])

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
        answer: dict[str, Any] = self.session.post(path, body, headers=_fresh_key())
        return answer

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
    task_type: str = "python",
    request: Mapping[str, Any] | None = None,
    retry_count: int = 0,
) -> dict[str, Any]:
    """Make the body of `/submit`; the arguments are `Client.submit`'s."""
    labels = [requires] if isinstance(requires, str) else list(requires)
    body: dict[str, Any] = {
        "code": code,
        "timeout": timeout,
        "resources": {"cpu": cpu, "memory": memory},
        "priority": priority,
    }
    more = {
        "requires": labels or None,
        "parameters": None if parameters is None else dict(parameters),
        "min_sandbox": min_sandbox,
        "task_type": None if task_type == "python" else task_type,
        "request": None if request is None else dict(request),
        "retry_count": retry_count or None,
    }
    body.update((name, value) for name, value in more.items() if value is not None)
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


def _fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def _named(given: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"code": given} if isinstance(given, str) else given


def _slots(node: NodeInfo) -> str:
    return f"{node.current_task_count}/{node.max_concurrent_tasks}"
