"""What a lease asks to be run, as a job of the sandbox. Pure."""

from importlib import resources

from idlegrid_node.sandbox.job import Job, Limits, Way
from idlegrid_node.wire import Lease

HTTP = "http"
"""The one type whose program is ours; it has the network, and no walls."""
FETCH = resources.files(__package__).joinpath("fetch.py").read_text("utf-8")


def limits_of(lease: Lease) -> Limits:
    """Return what an attempt may use."""
    return Limits(memory_mb=lease.memory_mb, cpu=lease.cpu, timeout=lease.timeout)


def job_of(lease: Lease, network: str) -> Job:
    """Return what to run, without the task's files; `network` is what the owner allows an `http` run."""
    match lease.task_type:
        case "shell":
            words = (lease.command, *lease.arguments)
            return Job("", lease.parameters, limits_of(lease), Way.SHELL, words)
        case "http":
            asked = {"url": lease.command, "request": lease.request, "network": network}
            return Job(FETCH, asked, limits_of(lease))
    if lease.code or not lease.command:
        return Job(lease.code, lease.parameters, limits_of(lease), Way.CODE, ("-c", *lease.arguments))
    return Job("", lease.parameters, limits_of(lease), Way.FILE, (lease.command, *lease.arguments))
