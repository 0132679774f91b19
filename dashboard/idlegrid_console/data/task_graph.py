"""The tasks around a task, as a diagram: what it depends on, what depends on it.

Names are foreign text. Every character that is no letter or digit of ASCII goes into the diagram by its number, so
that no name can be read as anything but a name. (Mermaid, which draws the same, shows such numbers as they are.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from idlegrid_console.data.figures import QUIET, STATUS_COLOURS, TASK_COLOURS
from idlegrid_console.data.task_history import MARKS
from idlegrid_console.data.text import one_line
from idlegrid_console.texts import RUN_STATUS, TASK_STATUS, _, name

Graph = Mapping[str, Any]
"""The answer of `GET /api/tasks/{id}/graph`."""

LONGEST_NAME = 40
"""Characters of a name in the diagram."""

COLOURS = {**STATUS_COLOURS, "paused": TASK_COLOURS["paused"], "none": QUIET}
"""By how the latest run went; `none` for a task that has not run."""

LOOK = """\
  graph [rankdir=LR bgcolor=transparent nodesep=0.2 ranksep=0.4]
  node [shape=box style="rounded,filled" fontname=Helvetica fontsize=11 fontcolor="#17211d" height=0.35]
  edge [color="#8a94a3" arrowsize=0.7]"""
"""Dark words on pale boxes: they can be read on a light and on a dark page."""


def diagram(graph: Graph, task_id: int) -> str:
    """The diagram in Graphviz' words; the task itself has a thick frame, all are coloured by how they last went."""
    known = {int(task["id"]) for task in graph["tasks"]}
    nodes = [_node(task, thick=task["id"] == task_id) for task in graph["tasks"]]
    edges = [(int(parent), int(child)) for parent, child in graph["edges"]]
    arrows = [f"  t{parent} -> t{child}" for parent, child in edges if {parent, child} <= known]
    return "\n".join(["digraph {", LOOK, *nodes, *arrows, "}"])


def around(graph: Graph, task_id: int) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The tasks that it depends on itself, and those that depend on it themselves."""
    tasks = {int(task["id"]): task for task in graph["tasks"]}
    edges = [(int(parent), int(child)) for parent, child in graph["edges"]]
    parents = [tasks[parent] for parent, child in edges if child == task_id and parent in tasks]
    children = [tasks[child] for parent, child in edges if parent == task_id and child in tasks]
    return parents, children


def names(tasks: Sequence[Mapping[str, Any]]) -> str:
    """The names of tasks in a line."""
    return ", ".join(one_line(task.get("name") or "?", LONGEST_NAME) for task in tasks)


def label(task: Mapping[str, Any]) -> str:
    """A task's name with the mark of how it last went, and that in a word."""
    status = _status(task)
    mark = MARKS.get(status, "")
    return f"{mark} {one_line(task.get('name') or '?', LONGEST_NAME)} ({_word(status)})".strip()


def _node(task: Mapping[str, Any], *, thick: bool) -> str:
    colour = COLOURS.get(_status(task), QUIET)
    look = f'color="{colour}" fillcolor="{_pale(colour)}" penwidth={3 if thick else 1.2}'
    return f'  t{int(task["id"])} [label="{_by_number(label(task))}" {look}]'


def _pale(colour: str) -> str:
    """The colour mixed with much white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{(part + 4 * 255) // 5:02x}" for part in parts)


def _status(task: Mapping[str, Any]) -> str:
    """How its latest run went, but for a task that is paused."""
    return "paused" if task.get("status") == "paused" else str(task.get("last_status") or "none")


def _word(status: str) -> str:
    return _("has not run") if status == "none" else name(status, {**TASK_STATUS, **RUN_STATUS})


def _by_number(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else f"&#{ord(letter)};" for letter in text)
