"""The Lua scripts: their text with RQ's constants put in, and how they are called.

One process may flush Redis' scripts, or Redis may restart, at any time; so a call that finds its script gone loads
all and is made again. That is safe: leasing had done nothing, and the others may be repeated.
"""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

import redis
from redis.client import Pipeline
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from idlegrid_server.core.matching import LANE, SUBMITTER_LANE
from idlegrid_server.queue import keys

FAR_FUTURE: Final = 4_102_444_800
"""2100-01-01: when RQ would take an execution for abandoned. Ours end by lease, of which RQ knows nothing."""

FUNCTION: Final = "idlegrid.run"
"""What `rq info` and dashboards show as the job's function. Nobody can call it: the work is the node's."""


def _template() -> list[str | bytes]:
    """Fields and values, one after the other, of a job that differs from the next only in its name and times."""
    job = Job.create(FUNCTION, connection=redis.Redis(), serializer=JSONSerializer, status=JobStatus.QUEUED)
    constant = {
        name: value.value if isinstance(value, JobStatus) else value
        for name, value in job.to_dict().items()
        if value not in ("", None) and name not in ("created_at", "enqueued_at", "origin")
    }
    return [word for pair in constant.items() for word in pair]


def _literal(value: object) -> str:
    """A value as Lua text, byte by byte where it is not plain."""
    if isinstance(value, list | tuple):
        return "{" + ", ".join(map(_literal, value)) + "}"
    raw = value if isinstance(value, bytes) else str(value).encode()
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in raw) + '"'


def _text(name: str) -> str:
    constants = {
        "QUEUE_PREFIX": keys.QUEUE_PREFIX,
        "JOB_PREFIX": keys.JOB_PREFIX,
        "WORKER_PREFIX": keys.WORKER_PREFIX,
        "EXECUTING_PREFIX": StartedJobRegistry.key_template.format(""),
        "NONEMPTY": keys.NONEMPTY,
        "QUEUES": keys.QUEUES,
        "SUSPENDED": keys.SUSPENDED,
        "BIAS": keys.BIAS,
        "BIASED": f"{LANE}({SUBMITTER_LANE}%x+)$",
        "FAR_FUTURE": FAR_FUTURE,
        "TEMPLATE": _template(),
    }
    here = files(__package__)
    header = "".join(f"local {key} = {_literal(value)}\n" for key, value in constants.items())
    return header + (here / "common.lua").read_text() + (here / name).read_text()


class Scripts:
    """The scripts against one Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._texts = [_text("lease.lua"), _text("settle.lua"), _text("favour.lua")]
        self._lease, self._settle, self._favour = (hashlib.sha1(text.encode()).hexdigest() for text in self._texts)  # noqa: S324

    def lease(self, pipeline: Pipeline, slots: int, cpu: float, memory_mb: int, allowed: str) -> None:
        """Add a lease to the pipeline; it answers with a list of UUIDs."""
        pipeline.evalsha(self._lease, 0, slots, cpu, memory_mb, allowed)

    def settle(self, pipeline: Pipeline, verb: str, queue: str, now: str, items: Iterable[str | float]) -> None:
        """Add a settling to the pipeline."""
        pipeline.evalsha(self._settle, 0, verb, queue, now, *items)

    def favour(self, pipeline: Pipeline, biases: str) -> None:
        """Add a change of all biases to the pipeline."""
        pipeline.evalsha(self._favour, 0, biases)

    def run(self, pipeline: Pipeline) -> list[Any]:
        """Send the pipeline and give its answers, after loading the scripts when Redis does not have them.

        Raises redis.RedisError.
        """
        commands = list(pipeline.command_stack)
        answers = pipeline.execute(raise_on_error=False)
        if any(isinstance(answer, redis.exceptions.NoScriptError) for answer in answers):
            self._load()
            answers = self._repeat(commands, answers)
        failed = next((answer for answer in answers if isinstance(answer, redis.RedisError)), None)
        if failed is not None:
            raise failed
        return answers

    def _load(self) -> None:
        for text in self._texts:
            self._connection.script_load(text)

    def _repeat(self, commands: list[Any], answers: list[Any]) -> list[Any]:
        """Again, in order, what found no script; the others have their answers."""
        missing = [i for i, answer in enumerate(answers) if isinstance(answer, redis.exceptions.NoScriptError)]
        pipeline = self._connection.pipeline(transaction=False)
        for i in missing:
            args, options = commands[i]
            pipeline.execute_command(*args, **options)  # type: ignore[no-untyped-call]
        for i, answer in zip(missing, pipeline.execute(raise_on_error=False), strict=True):
            answers[i] = answer
        return answers
