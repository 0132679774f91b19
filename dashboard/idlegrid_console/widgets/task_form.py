"""The form in which a task is written or changed. What stands in it survives errors and other pages."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from idlegrid import ApiError, IdlegridError
from idlegrid_console.data.task_form import BLANK, FIELD, WrongField, body_of, changes, draft_of, syntax_error
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import PRIORITY, TASK_TYPE, _, name
from idlegrid_console.widgets import address, grid
from idlegrid_console.widgets.submit_needs import level_name

KEEP: Any = {"persist_state": "session"}
PREFIX = "task_"
"""Before the name of a field, in the keys of the form's parts."""


def open_form(task: Mapping[str, Any] | None) -> None:
    """Have the page show the form: of this task as the coordinator has it, or of a new one."""
    st.session_state.editing = {"task": task}
    st.session_state.task_problems = []
    for field, value in (BLANK if task is None else draft_of(task)).items():
        st.session_state[PREFIX + field] = value


def is_open() -> bool:
    """Whether the page is to show the form."""
    return st.session_state.get("editing") is not None


def task_form() -> None:
    """The form; when it is saved, the task is the chosen one."""
    with st.container(border=True):
        _what()
        _when()
        _how()
        with st.expander(_("More"), icon=":material/tune:"):
            _more()
    _problems(st.session_state.task_problems)
    with st.container(horizontal=True):
        st.button(_("Save"), type="primary", icon=":material/save:", key="task_save", on_click=_save)
        st.button(_("Discard"), icon=":material/close:", key="task_discard", on_click=_close)


def _key(field: str) -> Any:
    return {"key": PREFIX + field, **KEEP}


def _given(field: str) -> Any:
    return st.session_state.get(PREFIX + field, BLANK[field])


def _what() -> None:
    left, right = st.columns([3, 1])
    left.text_input(_("Name"), **_key("name"), placeholder="nightly_report")
    right.selectbox(_("Type"), list(TASK_TYPE), format_func=lambda code: name(code, TASK_TYPE), accept_new_options=True,
                    **_key("task_type"))  # fmt: skip
    st.text_input(_("Description"), **_key("description"))
    kind = _given("task_type")
    if kind == "python":
        names = {"code": _("inline code"), "file": _("a file of the task")}
        st.segmented_control(_("Source"), list(names), format_func=lambda code: names[code], required=True,
                             label_visibility="collapsed", **_key("source"))  # fmt: skip
    if kind == "python" and _given("source") == "code":
        st.text_area(_("Code"), height=230, **_key("code"))
    else:
        _command(kind)
    left, right = st.columns(2)
    left.text_area(_("Arguments, one per line"), height=80, **_key("arguments"))
    right.text_area(_("Parameters (a JSON object)"), height=80, placeholder='{"n": 10}', **_key("parameters"))


def _command(kind: str) -> None:
    examples = {"python": "process_data.py", "shell": "wc -l data.csv", "http": "https://example.org/ping"}
    hints = {
        "python": _("The name of one of the task's files: they are put in on its page, once it is saved."),
        "http": _("The address. Method, headers and body stand in the metadata, under More."),
    }
    st.text_area(_("Command"), height=80, placeholder=examples.get(kind), help=hints.get(kind), **_key("command"))


def _when() -> None:
    names = {"never": _("on demand, or after other tasks"), "cron": _("by a schedule"), "interval": _("at intervals")}
    st.segmented_control(_("Due"), list(names), format_func=lambda code: names[code], required=True, **_key("due"))
    if _given("due") == "cron":
        left, right = st.columns(2)
        left.text_input(_("Schedule (cron: minute, hour, day, month, weekday)"), placeholder="0 2 * * *",
                        **_key("schedule"))  # fmt: skip
        right.selectbox(_("Time zone"), _zones(_given("zone")), **_key("zone"))
    elif _given("due") == "interval":
        st.number_input(_("Interval (s)"), 1.0, None, step=60.0, format="%g", width=220, **_key("interval"))


def _zones(chosen: str) -> list[str]:
    return ["UTC", *sorted((available_timezones() | {chosen}) - {"UTC", "localtime"})]


def _how() -> None:
    priority, retries, timeout, instances = st.columns(4)
    priority.selectbox(_("Priority"), list(PRIORITY), format_func=lambda code: name(code, PRIORITY), **_key("priority"))
    retries.number_input(_("Retries"), 0, None, step=1, **_key("retry_count"))
    timeout.number_input(_("Time limit (s)"), 0.1, None, step=60.0, format="%g", **_key("timeout"))
    instances.number_input(_("Runs at a time"), 1, None, step=1, **_key("max_instances"), help=_(
        "When it is due while so many of its runs are unfinished, that time is skipped."
    ))  # fmt: skip
    left, right = st.columns(2)
    left.text_input(_("Depends on (names or numbers of tasks)"), placeholder="extract transform",
                    **_key("dependencies"))  # fmt: skip
    right.text_input(_("Tags, with commas between"), placeholder="data, daily", **_key("tags"))


def _more() -> None:
    cpu, memory, level, labels = st.columns(4)
    cpu.number_input(_("Cores"), 0.1, None, step=0.5, format="%g", **_key("cpu"))
    memory.number_input(_("Memory (MB)"), 16.0, None, step=64.0, format="%g", **_key("memory"))
    level.selectbox(_("Sandbox level of the node, at least"), range(5), format_func=level_name, **_key("min_sandbox"))
    labels.text_input(_("Labels that the node must carry"), placeholder="gpu linux", **_key("requires"))
    left, right = st.columns(2)
    left.text_input(_("Job type"), placeholder="etl", **_key("job_type"))
    right.text_input(_("Category"), placeholder="reports", **_key("job_category"))
    st.text_area(_("Metadata (a JSON object)"), height=110, **_key("metadata"))


def _problems(problems: list[tuple[str, str]]) -> None:
    for field, problem in problems:
        known = FIELD.get(field) or FIELD.get(field.partition(".")[0])
        label = f"**{_(known)}** (`{plain_markdown(field)}`): " if known else f"**{plain_markdown(field)}** "
        st.error(f"{label if field else ''}{plain_markdown(problem)}", icon=":material/error:")


def _close() -> None:
    st.session_state.editing = None


def _save() -> None:
    given = st.session_state
    try:
        saved = _send({field: _given(field) for field in BLANK})
    except WrongField as error:
        given.task_problems = [(error.field, error.problem)]
    except IdlegridError as error:
        given.task_problems = _refused(error)
    else:
        address.put("task", saved)
        grid.forget()
        _close()


def _send(draft: Mapping[str, Any]) -> int:
    task, client = st.session_state.editing["task"], grid.client()
    body = body_of(draft)
    _doubt(body["code"])
    if task is None:
        return client.create_task(**{field: value for field, value in body.items() if value is not None}).id
    if changed := changes(task, draft):
        client.task(task["id"]).update(**changed)
    return int(task["id"])


def _doubt(code: str | None) -> None:
    """Raise WrongField for code that is no Python, once: nodes may run a newer Python than this one."""
    problem = syntax_error(code) if code and code != st.session_state.get("task_doubted") else None
    if problem:
        st.session_state.task_doubted = code
        raise WrongField("code", problem)


def _refused(error: IdlegridError) -> list[tuple[str, str]]:
    """What the coordinator says, field by field where it names any."""
    named = list(error.fields) if isinstance(error, ApiError) else []
    return named or [("", str(error))]
