"""The jobs API's four questions, read only: what is scheduled, and how its executions went."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from idlegrid.session import Session

JOBS = "/api/v1/jobs"
"""Where the jobs API lies."""

Moment = datetime | str
"""A bound of `before` and `after`: ISO 8601, or a datetime; without a zone it is in UTC."""


class JobCalls:
    """What a `Client` asks of the jobs API. A job is a task, an execution one of its runs.

    Answers are the API's own JSON. Lists are `{"data": […], "pagination": {…}}`; `limit` is 1 to 1,000. Raises
    `NotFound` for a job that is not there and `InvalidRequest` for a parameter that no list takes.
    """

    session: Session

    def list_jobs(
        self,
        search: str | None = None,
        limit: int = 50,
        offset: int = 0,
        order_by: str = "name",
        order_desc: bool = False,
    ) -> dict[str, Any]:
        """List jobs; `search` is a part of the name, the `job_type` or the `job_category`, in any case."""
        return self._list(JOBS, search, limit=limit, offset=offset, order_by=order_by, order_desc=order_desc)

    def get_job(self, job_id: int | str) -> dict[str, Any]:
        """One job, by its number or its name."""
        return dict(self.session.get(_path(job_id)))

    def list_job_executions(
        self,
        search: str | None = None,
        limit: int = 50,
        offset: int = 0,
        order_by: str = "started_at",
        order_desc: bool = True,
        before: Moment | None = None,
        after: Moment | None = None,
    ) -> dict[str, Any]:
        """List executions of all jobs, the latest first; `search` is a part of a job's name or a status.

        A status is found by any of its words, such as `failed` or `success`. `after` and `before` bound the time at
        which an execution was made: from the one on, and earlier than the other.
        """
        part = {"limit": limit, "offset": offset, "order_by": order_by, "order_desc": order_desc}
        return self._list(f"{JOBS}/executions", search, **part, before=_iso(before), after=_iso(after))

    def get_job_executions(
        self,
        job_id: int | str,
        search: str | None = None,
        limit: int = 50,
        offset: int = 0,
        order_by: str = "started_at",
        order_desc: bool = True,
        before: Moment | None = None,
        after: Moment | None = None,
    ) -> dict[str, Any]:
        """List executions of one job, by its number or its name; `search` is a status, the rest as for all jobs."""
        part = {"limit": limit, "offset": offset, "order_by": order_by, "order_desc": order_desc}
        return self._list(f"{_path(job_id)}/executions", search, **part, before=_iso(before), after=_iso(after))

    def _list(self, path: str, search: str | None, **params: Any) -> dict[str, Any]:
        return dict(self.session.get(path, {"search": search or None, **params}))


def _path(job_id: int | str) -> str:
    return f"{JOBS}/{quote(str(job_id), safe='')}"


def _iso(moment: Moment | None) -> str | None:
    """The moment as the API reads it; a zone is always said, where it is a datetime."""
    if not isinstance(moment, datetime):
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
