"""Everything that can change the record, one command a class: it says what it needs, decides, and answers."""

from idlegrid_server.core.commands.base import Command
from idlegrid_server.core.commands.cancel import CancelRun, CancelUnfinished
from idlegrid_server.core.commands.checkpoint import TellCheckpoint
from idlegrid_server.core.commands.expire import ExpireLeases, LoseNodes, ReleaseRuns, RequeueRuns, SettleWaits
from idlegrid_server.core.commands.firing import FireDependents, FireTasks, Firing, RestartRun, TriggerTask, TriggerWish
from idlegrid_server.core.commands.lease import Lease, LeaseRuns
from idlegrid_server.core.commands.nodes import Beat, HeldAttempt, NodeFacts, Order
from idlegrid_server.core.commands.report import LegacyReport, Report, ReportAnswer, ReportRuns
from idlegrid_server.core.commands.submit import MakeRuns
from idlegrid_server.core.commands.tasks import CreateTask, DeleteTask, PauseTask, UpdateTask

__all__ = [
    "Beat",
    "CancelRun",
    "CancelUnfinished",
    "Command",
    "CreateTask",
    "DeleteTask",
    "ExpireLeases",
    "FireDependents",
    "FireTasks",
    "Firing",
    "HeldAttempt",
    "Lease",
    "LeaseRuns",
    "LegacyReport",
    "LoseNodes",
    "MakeRuns",
    "NodeFacts",
    "Order",
    "PauseTask",
    "ReleaseRuns",
    "Report",
    "ReportAnswer",
    "ReportRuns",
    "RequeueRuns",
    "RestartRun",
    "SettleWaits",
    "TellCheckpoint",
    "TriggerTask",
    "TriggerWish",
    "UpdateTask",
]
