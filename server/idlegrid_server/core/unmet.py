"""Needs that no node meets, each with what the best node offers. Pure.

Whether a need is met is asked of `matching.can_serve` alone: a node is granted all that the queue needs but the one in
question.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from idlegrid_server.core.matching import Capability, RequirementClass, can_serve, capability, least, parse_queue
from idlegrid_server.core.model import Node
from idlegrid_server.core.reasons import Code, Reason

NEEDS: Final[Mapping[str, str]] = {
    "cpu": "cpu",
    "memory": "memory_mb",
    "task_type": "task_types",
    "sandbox": "sandbox",
    "labels": "labels",
}
"""Need → the field of `Capability` that meets it, in the order in which they are told."""


def unmet(queue: str, nodes: Sequence[Node]) -> list[Reason]:
    """A reason for each need that none of the nodes meets, for nodes (at least one) none of which can serve the queue.

    When some node meets each, the one reason is that no node meets them together.
    """
    wanted, able = parse_queue(queue), [capability(node) for node in nodes]
    lacking = [need for need in NEEDS if all(need in lacks(one, queue) for one in able)]
    return [_TELL[need](wanted, nodes) for need in lacking] or [_together(queue, able)]


def lacks(able: Capability, queue: str) -> list[str]:
    """The needs of the queue that a node does not meet."""
    granted = least(queue)
    alone = {need: replace(granted, **{field: getattr(able, field)}) for need, field in NEEDS.items()}
    return [need for need, only in alone.items() if not can_serve(only, queue)]


def _reason(need: str, message: str, asked: Any, best: Any, **more: Any) -> Reason:
    return Reason(Code.NEED_UNMET, message, {"need": need, "asked": asked, "best": best, **more})


def _cpu(wanted: RequirementClass, nodes: Sequence[Node]) -> Reason:
    best = max(node.cpu_cores for node in nodes)
    message = f"No node offers {wanted.cpu:g} cores; the largest offers {best:g}."
    return _reason("cpu", message, wanted.cpu, best)


def _memory(wanted: RequirementClass, nodes: Sequence[Node]) -> Reason:
    best = max(node.memory_mb for node in nodes)
    # Half of it was too little, so the best node may well have what was asked for, and the submitter knows that.
    rounded = ", what was asked for rounded up to a power of two" if best > wanted.memory_mb / 2 else ""
    message = f"No node offers {wanted.memory_mb} MB of memory{rounded}; the largest offers {best} MB."
    return _reason("memory", message, wanted.memory_mb, best)


def _task_type(wanted: RequirementClass, nodes: Sequence[Node]) -> Reason:
    offered = sorted({kind for node in nodes for kind in capability(node).task_types})
    return _reason("task_type", f"No node runs tasks of the type {wanted.task_type}.", wanted.task_type, offered)


def _sandbox(wanted: RequirementClass, nodes: Sequence[Node]) -> Reason:
    """What the best node has; of equally good ones, one that knows its remedy."""
    best = max((node.sandbox for node in nodes), key=lambda sandbox: (sandbox.level, bool(sandbox.remedy)))
    message = f"No node has a sandbox of level {wanted.min_sandbox}; the best has level {best.level}."
    message += f" To raise it there: {best.remedy}" if best.remedy else ""
    return _reason("sandbox", message, wanted.min_sandbox, best.level, remedy=best.remedy)


def _labels(wanted: RequirementClass, nodes: Sequence[Node]) -> Reason:
    best = max((sorted({*node.labels} & {*wanted.requires}) for node in nodes), key=len)
    labels = f"the label{'' if len(wanted.requires) == 1 else 's'} {'+'.join(wanted.requires)}"
    message = f"No node has {labels}{'; the best has only ' if best else ''}{'+'.join(best)}."
    return _reason("labels", message, list(wanted.requires), best)


def _together(queue: str, able: Sequence[Capability]) -> Reason:
    wanted, best = parse_queue(queue), min(able, key=lambda one: len(lacks(one, queue)))
    what = "+".join(wanted.requires) or "this combination of needs"
    message = f"No node offers {what} together with all else that it needs; the best lacks "
    message += f"{', '.join(need.replace('_', ' ') for need in lacks(best, queue))}."
    return _reason("together", message, _words(least(queue)), _words(best), lacks=lacks(best, queue))


def _words(able: Capability) -> dict[str, Any]:
    values = {need: getattr(able, field) for need, field in NEEDS.items()}
    return {need: sorted(value) if isinstance(value, frozenset) else value for need, value in values.items()}


_TELL: Final[Mapping[str, Callable[[RequirementClass, Sequence[Node]], Reason]]] = {
    "cpu": _cpu,
    "memory": _memory,
    "task_type": _task_type,
    "sandbox": _sandbox,
    "labels": _labels,
}
