"""Submit Python code to an idlegrid and get its result.

::

    from idlegrid import Client

    run = Client("http://127.0.0.1:8000").submit("print(1 + 1)")
    run.result(timeout=60)  # "2"
"""

from idlegrid.client import Client, Waited
from idlegrid.errors import (
    ApiError,
    Conflict,
    FileError,
    IdlegridError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RateLimited,
    RunFailed,
    RunTimeout,
    ServerError,
    Unreachable,
)
from idlegrid.explanation import Explanation, Reason
from idlegrid.files import RunFile, RunFiles
from idlegrid.guest import checkpoint, checkpoint_dir, log, parameters, should_yield
from idlegrid.models import NodeInfo, RunInfo, RunPage, TaskInfo, TaskPage
from idlegrid.run import Run
from idlegrid.session import Session
from idlegrid.tasks import Task, TaskFields

__all__ = [
    "ApiError",
    "Client",
    "Conflict",
    "Explanation",
    "FileError",
    "IdlegridError",
    "InvalidRequest",
    "NodeInfo",
    "NotAllowed",
    "NotFound",
    "RateLimited",
    "Reason",
    "Run",
    "RunFailed",
    "RunFile",
    "RunFiles",
    "RunInfo",
    "RunPage",
    "RunTimeout",
    "ServerError",
    "Session",
    "Task",
    "TaskFields",
    "TaskInfo",
    "TaskPage",
    "Unreachable",
    "Waited",
    "checkpoint",
    "checkpoint_dir",
    "log",
    "parameters",
    "should_yield",
]
