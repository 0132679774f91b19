"""Everything that can change the record, one command a class: it says what it needs, decides, and answers."""

from idlegrid_server.core.commands.base import Command
from idlegrid_server.core.commands.cancel import CancelRuns
from idlegrid_server.core.commands.expire import ExpireLeases, LoseNodes, ReleaseRuns, RequeueRuns
from idlegrid_server.core.commands.lease import Lease, LeaseRuns
from idlegrid_server.core.commands.nodes import Beat, HeldAttempt, NodeFacts, Order, SetDraining
from idlegrid_server.core.commands.report import LegacyReport, Report, ReportAnswer, ReportRuns
from idlegrid_server.core.commands.submit import MakeRuns

__all__ = [
    "Beat",
    "CancelRuns",
    "Command",
    "ExpireLeases",
    "HeldAttempt",
    "Lease",
    "LeaseRuns",
    "LegacyReport",
    "LoseNodes",
    "MakeRuns",
    "NodeFacts",
    "Order",
    "ReleaseRuns",
    "Report",
    "ReportAnswer",
    "ReportRuns",
    "RequeueRuns",
    "SetDraining",
]
