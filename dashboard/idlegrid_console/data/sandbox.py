"""A node's sandbox in words: how well it isolates runs, by what, how that was tried, and what would raise it."""

from collections.abc import Mapping
from typing import Any

from idlegrid import NodeInfo
from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.text import moment, one_line
from idlegrid_console.texts import METERING, SANDBOX_LEVEL, SANDBOX_MEANING, _, name

DEFAULT_LEVEL = 3
"""The level that a run gets at least when it does not ask for one (docs/protocol.md)."""

MOST = 4
"""The highest level there is."""


def code(level: int | None) -> str:
    """A level as a code of `texts.SANDBOX_LEVEL`; nothing for a node that has not said."""
    return "" if level is None else str(level)


def level_name(level: int | None) -> str:
    """The level with its meaning in a few words: `3 isolated`."""
    return name(code(level), SANDBOX_LEVEL)


def meaning(node: NodeInfo) -> str:
    """What the node's level keeps runs from, in a sentence."""
    if node.sandbox_level is None:
        return _("This node does not say how it isolates runs: its operator answers for it.")
    return name(code(node.sandbox_level), SANDBOX_MEANING)


def facts(node: NodeInfo, timezone: str | None) -> list[tuple[str, str]]:
    """What provides the sandbox and how it was tried, as label and text."""
    told = _told(node)
    provider = f"{told.get('backend') or ''} {told.get('version') or ''}"
    return [
        (_("Provided by"), one_line(provider) or "–"),
        (_("Kernel"), one_line(told.get("kernel") or "–")),
        (_("Memory and processes"), one_line(name(told.get("metering"), METERING)) or "–"),
        (_("Self-test"), _tested(told, timezone)),
    ]


def why_not_higher(node: NodeInfo) -> str:
    """The node's own reason why its level is not the highest; nothing at that level, or when it gives none."""
    return one_line(_told(node).get("reason") or "")


def remedy(node: NodeInfo) -> str:
    """The command that the node names for raising its level, in one line: it is there to be copied to a shell."""
    return one_line(_told(node).get("remedy") or "", limit=2000)


def of_run(run: Mapping[str, Any]) -> str:
    """The level that a run runs or ran under, and the least it takes."""
    least, under = run.get("min_sandbox"), run.get("sandbox")
    asked = _("at least {level}").format(level=one_line(least or DEFAULT_LEVEL))
    return f"{level_name(under)} ({asked})" if under else asked


def _tested(told: Mapping[str, Any], timezone: str | None) -> str:
    if not told.get("checks"):
        return "–"
    words = _("{passed} of {checks} hostile programs held")
    held = words.format(passed=one_line(told.get("passed") or 0), checks=one_line(told["checks"]))
    tested = moment(told.get("tested_at"))
    if tested is None:
        return held
    return f"{held}, " + _("tested at {time}").format(time=on_clock(tested, timezone).strftime("%Y-%m-%d %H:%M:%S"))


def _told(node: NodeInfo) -> Mapping[str, Any]:
    return node.sandbox if isinstance(node.sandbox, dict) else {}
