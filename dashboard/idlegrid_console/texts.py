"""Every word the console shows, in one place: `_` translates, the tables name the wire's codes.

Messages are their own English; other languages are gettext catalogues in `locale/`, which `scripts/translations.py`
keeps. Codes that are in no table are shown as they are, made harmless.
"""

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path

from idlegrid.display import visible

DOMAIN = "idlegrid"
"""The catalogues' name."""

LOCALE = Path(__file__).with_name("locale")
"""Where they lie, one folder per language."""

LANGUAGES = {"en": "English", "zh": "中文"}
"""What the console speaks, by code; each language by its own name. Whoever asks for another one reads English."""


class _Visitor:
    """Whom the words are for, as a function to be asked each time: every visitor has a browser of their own."""

    locale: Callable[[], str | None] = staticmethod(lambda: None)


def speak_to(locale: Callable[[], str | None]) -> None:
    """From now on ask this function for the locale of whoever is being served (`zh-CN`; None: not known)."""
    _Visitor.locale = staticmethod(locale)


def language_of(locale: str | None) -> str:
    """The language of the console for a locale, as a code of `LANGUAGES`."""
    code = (locale or "").replace("_", "-").partition("-")[0].lower()
    return code if code in LANGUAGES else "en"


def _(message: str) -> str:
    """The message in the visitor's language."""
    return _catalogue(language_of(_Visitor.locale())).gettext(message)


def n_(message: str) -> str:
    """Mark a message for translation where it is written down, to be translated where it is shown."""
    return message


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)


RUN_STATUS = {
    "pending": n_("waiting"),
    "running": n_("running"),
    "completed": n_("done"),
    "failed": n_("failed"),
    "aborted": n_("cancelled"),
}
"""The `status` of a run under `/api`, in the order of a run's life."""

RUN_REASON = {
    "timeout": n_("took longer than its time limit"),
    "cpu_limit": n_("used more CPU time than it may"),
    "memory_limit": n_("needed more memory than it asked for"),
    "process_limit": n_("started more processes than it may"),
    "output_limit": n_("printed more than it may"),
    "disk_limit": n_("wrote more to the disk than it may"),
    "host_memory_floor": n_("its node's own memory ran short"),
    "sandbox_failed": n_("its sandbox could not be set up"),
    "user_error": n_("its code raised an error"),
    "node_lost": n_("its node went away"),
    "cancelled": n_("called off by its submitter"),
    "frozen": n_("frozen while the owner is there"),
    "owner_returned": n_("the owner came back"),
    "dependency": n_("waits for another run"),
    "dependency_failed": n_("a run it depends on failed"),
    "retry": n_("waits before its next attempt"),
    "no_such_file": n_("its task has no such file"),
    "checkpoint_unavailable": n_("its checkpoint could not be had"),
}
"""The `reason` of a run, of one of its attempts, or why an attempt ended."""

RUN_EVENT = {
    "created": n_("created"),
    "release": n_("may start"),
    "lease": n_("taken by a node"),
    "resumed": n_("goes on from its checkpoint"),
    "frozen": n_("frozen"),
    "thawed": n_("thawed"),
    "checkpoint": n_("sent a checkpoint"),
    "evict": n_("the owner came back"),
    "return": n_("handed back by its node"),
    "lose": n_("its node went away"),
    "abandon": n_("lost once too often"),
    "retry": n_("waits before its next attempt"),
    "restored": n_("restored from a backup"),
    "complete": n_("done"),
    "fail": n_("failed"),
    "time_out": n_("took longer than its time limit"),
    "cancel": n_("cancelled"),
}
"""The `event` of a line in a run's story."""

WAIT_REASON = {
    "queue_suspended": n_("queue suspended"),
    "queue_away": n_("queue away"),
    "dependency": n_("waits for another run"),
    "retry_delay": n_("waits before its next attempt"),
    "no_node": n_("no node"),
    "need_unmet": n_("no node offers it"),
    "owners_present": n_("owners are there"),
    "nodes_held_back": n_("nodes held back"),
    "nodes_full": n_("nodes are full"),
    "behind": n_("others come first"),
}
"""The `code` of what holds a waiting run back, the most decisive first."""

NEED = {
    "cpu": n_("cores"),
    "memory": n_("memory"),
    "task_type": n_("task type"),
    "sandbox": n_("sandbox level"),
    "labels": n_("labels"),
    "together": n_("all of it together"),
}
"""What of a run's needs no node offers."""

LIMITS = {
    "timeout": n_("time limit"),
    "cpu_limit": n_("CPU limit"),
    "memory_limit": n_("memory limit"),
    "process_limit": n_("process limit"),
    "output_limit": n_("output limit"),
    "disk_limit": n_("disk limit"),
    "host_memory_floor": n_("memory floor of the node"),
}
"""Those reasons that are limits, by their names."""

TRIGGER = {
    "submit": n_("submitted by itself"),
    "manual": n_("triggered by hand"),
    "api": n_("triggered by hand"),
    "schedule": n_("its schedule"),
    "dependency": n_("the end of other runs"),
    "restart": n_("a restart"),
}
"""The `trigger` of a run: what caused it."""

TASK_STATUS = {"active": n_("active"), "paused": n_("paused"), "completed": n_("done"), "failed": n_("failed")}
"""The `status` of a task; the last two tell how the latest run of one without a schedule ended."""

TASK_TYPE = {"python": n_("Python"), "shell": n_("shell"), "http": n_("HTTP request")}
"""The types of a task that nodes know; it may have any other."""

WEEKDAY = {
    "0": n_("Sundays"),
    "1": n_("Mondays"),
    "2": n_("Tuesdays"),
    "3": n_("Wednesdays"),
    "4": n_("Thursdays"),
    "5": n_("Fridays"),
    "6": n_("Saturdays"),
}
"""A day of the week in a cron line."""

DAY = {
    "mon": n_("Mon"),
    "tue": n_("Tue"),
    "wed": n_("Wed"),
    "thu": n_("Thu"),
    "fri": n_("Fri"),
    "sat": n_("Sat"),
    "sun": n_("Sun"),
}
"""The days of a week, from Monday."""

SANDBOX_LEVEL = {
    "4": n_("4 isolated + metered"),
    "3": n_("3 isolated"),
    "2": n_("2 files + network"),
    "1": n_("1 limits only"),
    "0": n_("0 refuses work"),
}
"""The levels of a node's sandbox, best first."""

SANDBOX_MEANING = {
    "4": n_(
        "Runs see no files, processes or network of this machine, and the kernel itself holds them to their memory, "
        "CPU and processes."
    ),
    "3": n_(
        "Runs see no files, processes or network of this machine; the node itself watches that they keep to their "
        "memory."
    ),
    "2": n_("Runs can read and write no files but their own and open no connection; they can see what else runs here."),
    "1": n_("Runs are held to their limits and to nothing else: the owner of this machine trusts all who submit."),
    "0": n_("This node takes no work: nothing here could keep a run from the machine."),
}
"""What a level keeps runs from."""

METERING = {
    "cgroup v2": n_("metered by the kernel (cgroup v2)"),
    "cgroup v1": n_("metered by the kernel (cgroup v1)"),
    "watcher": n_("watched by the node"),
}
"""Who measures what runs use."""

NODE_STATE = {
    "idle": n_("idle"),
    "running": n_("running"),
    "frozen": n_("frozen"),
    "evicting": n_("evicting"),
    "busy": n_("busy"),
    "cooling": n_("cooling"),
    "paused": n_("paused"),
    "draining": n_("draining"),
    "unknown": n_("unknown"),
    "offline": n_("offline"),
}
"""The states of a node's ladder, in the order in which they are shown."""

NODE_REASON = {
    "owner_away": n_("the owner is away"),
    "always": n_("offers itself at all times"),
    "input": n_("keyboard or mouse in use"),
    "cpu_load": n_("other programs are busy"),
    "battery": n_("on battery"),
    "memory_short": n_("memory is short"),
    "memory_pressure": n_("other programs wait for memory"),
    "inhibitor": n_("a film or presentation is on"),
    "exclusive_program": n_("a program of its owner has it to itself"),
    "hours": n_("closed at these hours, or soon"),
    "probe_unknown": n_("owner cannot be watched"),
    "no_sandbox": n_("no working sandbox"),
    "starting": n_("has just started"),
    "owner_paused": n_("paused by its owner"),
    "operator_drain": n_("drained by the operator"),
    "shutdown": n_("was shut down"),
    "after_return": n_("waits until the owner stays away"),
    "max_frozen": n_("was frozen for too long"),
    "memory_held": n_("what was frozen held memory for too long"),
    "lost": n_("has not been heard of"),
    "not_heard": n_("has not been heard of"),
}
"""Why a node is in its state."""

NODE_STATUS = {"active": n_("in service"), "draining": n_("draining"), "offline": n_("out of service")}
"""The `status` of a worker: whether it is believed to take work."""

NODE_KIND = {
    "working": n_("working"),
    "idle": n_("idle"),
    "owner": n_("with their owner"),
    "held": n_("held back"),
    "lost": n_("lost"),
    "away": n_("left"),
}
"""The kinds of nodes that the overview counts."""

NODE_MARK = {"suspect": n_("fails nearly all"), "held": n_("paused by the operator")}
"""What an operator should know of a node beside its state."""

NODE_SORT = {
    "hostname": n_("by name"),
    "-cpu_usage": n_("most CPU used"),
    "-memory_usage": n_("most memory used"),
    "last_heartbeat": n_("longest silent"),
    "-registered_at": n_("newest"),
    "status": n_("by status"),
}
"""Orders of the list of nodes, as the field of the API, with a minus for the highest first."""

ATTENTION = {
    "component_down": n_("A part of the grid does not work"),
    "node_lost": n_("Node lost"),
    "node_failing": n_("Node fails nearly all that it takes"),
    "task_failing": n_("Task fails again and again"),
    "queue_unserved": n_("Queue that no node can serve"),
    "webhook_off": n_("Webhook switched off"),
}
"""The `kind` of what wants an operator."""

PRIORITY = {"low": n_("low"), "normal": n_("normal"), "high": n_("high"), "critical": n_("critical")}
"""The priorities of a run, lowest first."""

OWNER = {
    "there": n_("there"),
    "away": n_("away"),
    "just_left": n_("just left"),
    "not_watched": n_("not watched"),
    "unknown": n_("unknown"),
}
"""What a node's state tells of its owner; `not_watched` is the profile `always`."""

RUN_SORT = {
    "newest": n_("newest first"),
    "oldest": n_("oldest first"),
    "started": n_("last started first"),
    "ended": n_("last ended first"),
}
"""The ways to sort runs."""

SINCE = {
    "ever": n_("at any time"),
    "1h": n_("in the last hour"),
    "6h": n_("in the last 6 hours"),
    "24h": n_("in the last 24 hours"),
    "7d": n_("in the last 7 days"),
    "30d": n_("in the last 30 days"),
}
"""When a run was made."""

RUN_SPELL = {
    "held": n_("held back"),
    "queued": n_("in the queue"),
    "running": n_("running"),
    "frozen": n_("frozen"),
}
"""What a run is doing over a while, in the chart of its attempts."""

RUN_MARK = {
    "checkpoint": n_("sent a checkpoint"),
    "evict": n_("evicted: the owner came back"),
    "return": n_("handed back by its node"),
    "lose": n_("its node went away"),
    "retry": n_("is tried again"),
}
"""What happened to a run at a moment, in the chart of its attempts."""

TASK_SORT = {
    "newest": n_("newest first"),
    "name": n_("by name"),
    "due": n_("due next first"),
    "ran": n_("last run first"),
}
"""The ways to sort tasks."""


def name(code: str | None, table: dict[str, str]) -> str:
    """The words for a code of the wire; an unknown code is shown as it is, none as nothing."""
    if not code:
        return ""
    return _(table[code]) if code in table else visible(code)
