"""Every word the console shows, in one place: `_` translates, the tables name the wire's codes.

Translations are gettext catalogues `locale/<language>/LC_MESSAGES/idlegrid_console.mo` beside this file; without
one the English below is shown. Codes that are in no table are shown as they are, made harmless.
"""

import gettext
from functools import lru_cache
from pathlib import Path

from idlegrid_console.data.text import visible

DOMAIN = "idlegrid_console"
"""The gettext domain: the name of the catalogues."""

LANGUAGE = "en"
"""The language shown. One for all visitors, until the console has more than one."""


def _(message: str) -> str:
    """The message in the visitor's language."""
    return _catalogue(LANGUAGE).gettext(message)


def n_(message: str) -> str:
    """Mark a message for translation where it is written down, to be translated where it is shown."""
    return message


@lru_cache(maxsize=8)
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = Path(__file__).with_name("locale")
    return gettext.translation(DOMAIN, folder, languages=[language], fallback=True)


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
    "memory_limit": n_("needed more memory than it asked for"),
    "output_limit": n_("wrote more than is kept"),
    "user_error": n_("its code raised an error"),
    "sandbox_failed": n_("the sandbox could not start"),
    "node_lost": n_("its node went away"),
    "cancelled": n_("called off by its submitter"),
    "frozen": n_("frozen while the owner is there"),
    "owner_returned": n_("the owner came back"),
    "dependency": n_("waits for another run"),
    "dependency_failed": n_("a run it depends on failed"),
    "retry": n_("waits before its next attempt"),
}
"""The `reason` of a run, of one of its attempts, or why an attempt ended."""

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
    "probe_unknown": n_("owner cannot be watched"),
    "no_sandbox": n_("no working sandbox"),
    "starting": n_("has just started"),
    "owner_paused": n_("paused by its owner"),
    "operator_drain": n_("drained by the operator"),
    "shutdown": n_("was shut down"),
    "after_return": n_("waits until the owner stays away"),
    "max_frozen": n_("was frozen for too long"),
    "lost": n_("has not been heard of"),
}
"""Why a node is in its state."""

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


def name(code: str | None, table: dict[str, str]) -> str:
    """The words for a code of the wire; an unknown code is shown as it is, none as nothing."""
    if not code:
        return ""
    return _(table[code]) if code in table else visible(code)
