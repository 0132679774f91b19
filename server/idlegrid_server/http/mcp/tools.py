"""The tools: each asks endpoints of our own API. A docstring here is what a model reads before it chooses one."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, get_type_hints
from urllib.parse import quote

from idlegrid_server.http.dialect import JOBS_PATH
from idlegrid_server.http.mcp import shaping
from idlegrid_server.http.mcp import words as w
from idlegrid_server.http.mcp.calling import Ask, Json

MAX_NODES: Final = 200
"""Nodes in one answer: what one page of `/api/workers` holds, and more than a model reads."""

Work = Callable[[Any, Ask], Awaitable[Json]]


class Effect(Enum):
    """What a tool does to the grid."""

    READS = auto()
    MAKES = auto()
    ENDS = auto()


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; `work` raises ApiError for what the API refuses."""

    name: str
    title: str
    description: str
    takes: type[w.Words]
    work: Work
    effect: Effect


TOOLS: Final[dict[str, Tool]] = {}
"""By name, in the order in which they are listed."""


def tool(title: str, effect: Effect = Effect.READS) -> Callable[[Work], Work]:
    """Make a tool of a function, under its name; its docstring is the description."""

    def register(work: Work) -> Work:
        name, description = work.__name__, " ".join((inspect.getdoc(work) or "").split())
        TOOLS[name] = Tool(name, title, description, get_type_hints(work)["words"], work, effect)
        return work

    return register


@tool("List jobs")
async def datahub_list_jobs(words: w.ListJobs, ask: Ask) -> Json:
    """List the scheduled jobs: what runs again and again, when it ran last and when it runs next. Gives `data`, a list
    of jobs (id, name, job_type, job_category, description, schedule_type, schedule as a cron expression or
    interval_seconds, parameters, timeout_seconds, max_instances, enabled, last_run_at, next_run_at), and `pagination`
    with the total. Times are ISO 8601 in UTC. Use it to find a job's name; datahub_get_job gives one of them.
    """
    return await ask("GET", JOBS_PATH, words.model_dump())


@tool("Get a job")
async def datahub_get_job(words: w.GetJob, ask: Ask) -> Json:
    """Get one scheduled job by its name or number: its schedule, parameters, timeout in seconds, whether it is enabled,
    when it ran last and when it runs next (ISO 8601, UTC). How its executions went is in datahub_get_job_executions.
    """
    return await ask("GET", _job(words))


@tool("List executions of all jobs")
async def datahub_list_job_executions(words: w.ListExecutions, ask: Ask) -> Json:
    """List executions of all jobs, the latest first. Gives `data`, a list of executions (id, job_id, job_name, status:
    PENDING, RUNNING, SUCCESS, FAILURE or TIMEOUT, started_at, completed_at, duration_ms in milliseconds, result, error,
    trace_id, worker_id, parameters_snapshot), and `pagination` with the total. Use it with search `failed` to see what
    went wrong lately. An execution's id is the run_id of get_run and tail_log.
    """
    return await ask("GET", f"{JOBS_PATH}/executions", words.model_dump())


@tool("List executions of one job")
async def datahub_get_job_executions(words: w.GetExecutions, ask: Ask) -> Json:
    """List executions of one job, given by name or number, the latest first; otherwise as
    datahub_list_job_executions. Use it to tell how often a job fails and how long it takes.
    """
    return await ask("GET", f"{_job(words)}/executions", words.model_dump(exclude={"job_id"}))


@tool("Run Python code", Effect.MAKES)
async def submit_code(words: w.SubmitCode, ask: Ask) -> Json:
    """Queue a Python program to run on a spare machine, in a sandbox without network and without the owner's files; the
    standard library is there, other packages may not be. Gives its run_id at once; it starts when a machine is free,
    which may take a while. Ask get_run with `wait` for the result, which is what the program prints; files that it
    writes below ./out/ are kept. If it does not start, explain_wait says why.
    """
    needs = {"cpu": words.cpu, "memory": words.memory}
    made = await ask("POST", "/submit", body={**words.model_dump(exclude=set(needs)), "resources": needs})
    return {"run_id": made["task_id"], **made}


@tool("Get a run")
async def get_run(words: w.GetRun, ask: Ask) -> Json:
    """Get one run: its status (pending, running, completed, failed, aborted) with a reason, result (what it printed),
    error_message (a traceback, if it failed), exit_code, execution_time in seconds, usage, attempts, its story in
    `events` and the end of its log. With `wait` it first waits up to so many seconds for the run's end. Long texts are
    shortened to 20,000 characters; `cut` names the fields that were. Times are ISO 8601 in UTC, memory is in MB.
    """
    if words.wait:
        await ask("GET", f"/status/{words.run_id}", {"wait": words.wait})
    return shaping.run(await ask("GET", _run(words)))


@tool("Read a run's log")
async def tail_log(words: w.TailLog, ask: Ask) -> Json:
    """Read what a run has written so far, also while it runs: the newest lines, or with `after` what came since an
    earlier answer. Gives `items` (id, timestamp, stream: stdout or stderr, text of one or more lines), oldest first;
    `last`, to be given as `after` next time; `finished`, true when nothing more will come; and `cut`, true when lines
    were left out because there are more than 20,000 characters (before them, or with `after` behind them: ask again).
    """
    if words.after is None:
        page = await ask("GET", f"{_run(words)}/logs", {"tail": words.lines})
        return shaping.end_of_log(page, words.lines)
    return shaping.next_of_log(await ask("GET", f"{_run(words)}/logs", {"after": words.after, "limit": words.lines}))


@tool("Cancel a run", Effect.ENDS)
async def cancel_run(words: w.OneRun, ask: Ask) -> Json:
    """End a run now, whether it is queued or running; what it has computed is lost. It cannot be undone. A run that has
    ended already is an error.
    """
    return await ask("POST", f"{_run(words)}/abort")


@tool("List machines")
async def list_nodes(words: w.ListNodes, ask: Ask) -> Json:
    """List the spare machines (nodes): for each its status (active, draining, offline), what it does (`state`: busy
    with its owner, cooling, idle, running, frozen, paused, …) and why (`reason`), current_task_count of
    max_concurrent_tasks, cpu_cores, memory_mb, cpu_usage and memory_usage in percent, labels, sandbox level,
    last_heartbeat. Gives `nodes`, the most recently joined first, at most 200; `total`; and `cut`, true when there are
    more. Use it to see what capacity there is; for one run that waits, explain_wait is better.
    """
    page = await ask("GET", "/api/workers", {"size": MAX_NODES, "status": words.status})
    nodes, total = page["items"], page["total"]
    return {"nodes": nodes, "total": total, "cut": len(nodes) < total}


@tool("Explain why a run waits")
async def explain_wait(words: w.OneRun, ask: Ask) -> Json:
    """Tell why a run has not started yet: `summary` in a sentence, `reasons` (each with a code and a message, the most
    decisive first: no machine, needs that none meets, owners at their machines, all full, a dependency, a retry's
    delay, others before it), its `position` among those queued, and `may_start_at`, an estimate or null. Use it when
    get_run says pending.
    """
    return await ask("GET", f"{_run(words)}/explain")


def _job(words: w.GetJob | w.GetExecutions) -> str:
    return f"{JOBS_PATH}/{quote(words.job_id, safe='')}"


def _run(words: w.OneRun) -> str:
    return f"/api/runs/{words.run_id}"
