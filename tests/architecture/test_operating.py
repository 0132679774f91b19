"""The operator's handbook keeps up with the product: every setting with its default, every alarm in the logs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from idlegrid_server.settings import Settings

from .test_rules import ROOT, tree

HANDBOOK = ROOT / "docs" / "operating.md"
SERVER = ROOT / "server" / "idlegrid_server"
ALARMS = {"warning", "error", "exception", "critical"}
METRIC = re.compile(r"\bscheduler_[a-z_]+")


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading, by what stands in its first column without its marks."""
    section = HANDBOOK.read_text().split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("|")]
    return {cells[0].strip().strip("`*"): [cell.strip() for cell in cells[1:]] for cells in lines}


def alarms() -> Iterator[tuple[str, str]]:
    """Where something of level warning or above is logged, and its action, or its words where it has none."""
    for path in sorted(SERVER.rglob("*.py")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and is_alarm(node):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name_of(node, path)


def is_alarm(call: ast.Call) -> bool:
    told = call.func
    return isinstance(told, ast.Attribute) and told.attr in ALARMS and ast.unparse(told.value) == "log"


def name_of(call: ast.Call, path: Path) -> str:
    for keyword in call.keywords:
        if keyword.arg == "action":
            return str(ast.literal_eval(keyword.value))
    if any(keyword.arg is None for keyword in call.keywords):
        return action_nearby(call, path)
    return str(ast.literal_eval(call.args[0]))


def action_nearby(call: ast.Call, path: Path) -> str:
    """The action among words that are put together before: the last that is written above the call."""
    pairs = [
        (key.lineno, value.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "action" and isinstance(value, ast.Constant)
    ]
    return str(max(pair for pair in pairs if pair[0] <= call.lineno)[1])


def shown(default: object) -> str:
    """A default as the table has it."""
    text = str(getattr(default, "value", default))
    return "" if default in ("", None) else f"`{text.replace(str(Path.home()), '~')}`"


def test_the_handbook_has_every_setting_with_its_default():
    table = rows("6. Settings")
    documented = {name: cells[0] for name, cells in table.items() if name in Settings.model_fields}
    assert documented == {name: shown(field.default) for name, field in Settings.model_fields.items()}


def test_the_handbook_names_no_setting_that_there_is_not():
    names = set(rows("6. Settings")) - {"Setting", "---"}
    assert names == set(Settings.model_fields)
    for name in re.findall(r"IDLEGRID_([A-Z_]+[A-Z])", HANDBOOK.read_text()):
        assert name.lower() in Settings.model_fields, name


def test_the_handbook_explains_every_alarm():
    explained = rows("8. What log lines mean")
    found = dict(alarms())
    assert len(found) > 10
    assert {where: name for where, name in found.items() if name not in explained} == {}


def test_the_handbook_explains_no_alarm_that_there_is_not():
    explained = set(rows("8. What log lines mean")) - {"action", "---"}
    assert explained - {name for _, name in alarms()} == set()


def test_every_metric_in_the_handbook_is_one_of_ours():
    source = (SERVER / "http" / "metrics.py").read_text()
    for metric in set(METRIC.findall(HANDBOOK.read_text())):
        assert re.sub(r"_(total|count|bucket|sum)$", "", metric) in source, metric
