"""The house rules that a program can check."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "client": "idlegrid",
    "server": "idlegrid_server",
    "node_client": "idlegrid_node",
    "dashboard": "idlegrid_console",
}
WITH_README = [
    *PACKAGES,
    *("tests", "scripts", "docs", "deploy"),
    *(f"server/idlegrid_server/{part}" for part in ("core", "record", "queue", "http", "housekeeping", "up")),
]
FILE_LINES = 400
FUNCTION_LINES = 50
HANDLER_LINES = 12
HTTP_METHODS = {"get", "post", "put", "patch", "delete"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def repository_files() -> tuple[Path, ...]:
    """Everything that git knows or would add; in an archive without git, everything but what tools leave."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        names = (ROOT / name for name in listed.stdout.split("\0") if name)
        return tuple(path for path in names if path.is_file())
    skipped = {".git", ".venv", "__pycache__"} | {p.name for p in ROOT.glob(".*_cache")}
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts))


def python_files(*, tests: bool = True) -> list[Path]:
    return [path for path in repository_files() if path.suffix == ".py" and (tests or not _is_test(path))]


def _is_test(path: Path) -> bool:
    return "tests" in path.relative_to(ROOT).parts


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def place(path: Path, node: ast.stmt) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno} {getattr(node, 'name', '')}"


def body_lines(function: Function) -> int:
    """The lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def is_handler(function: Function) -> bool:
    """Whether `@something.get(…)` or the like stands above it."""
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(c, ast.Attribute) and c.attr in HTTP_METHODS for c in calls)


def public_definitions(path: Path) -> Iterator[Function | ast.ClassDef]:
    """Module-level functions and classes, and methods of those classes, whose names say that they are public."""

    def within(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
        for node in body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from within(node.body)

    yield from within(tree(path).body)


def is_overload_or_override(node: Function | ast.ClassDef) -> bool:
    """Whether somebody else's docstring speaks for it."""
    named = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(named & {"overload", "override", "setter"})


def test_the_import_rules_hold():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_longer_than_400_lines():
    sizes = {path: len(path.read_text().splitlines()) for path in python_files()}
    assert [f"{p.relative_to(ROOT)}: {n}" for p, n in sizes.items() if n > FILE_LINES] == []


def test_no_function_is_longer_than_50_lines():
    found = [(path, f) for path in python_files() for f in functions(path) if body_lines(f) > FUNCTION_LINES]
    assert [f"{place(path, f)}: {body_lines(f)}" for path, f in found] == []


def test_no_http_handler_is_longer_than_12_lines():
    handlers = [(path, f) for path in python_files(tests=False) for f in functions(path) if is_handler(f)]
    assert [f"{place(p, f)}: {body_lines(f)}" for p, f in handlers if body_lines(f) > HANDLER_LINES] == []


def test_everything_public_is_documented():
    bare = [
        place(path, node)
        for path in python_files(tests=False)
        for node in public_definitions(path)
        if ast.get_docstring(node) is None and not is_overload_or_override(node)
    ]
    assert bare == []


def test_every_module_says_what_it_is():
    files = [path for path in python_files(tests=False) if path.read_text()]
    assert [str(p.relative_to(ROOT)) for p in files if ast.get_docstring(tree(p)) is None] == []


def test_nothing_is_left_to_do_in_comments():
    note = re.compile(r"#\s*(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    assert [str(p.relative_to(ROOT)) for p in python_files() if note.search(p.read_text())] == []


@pytest.mark.parametrize("folder", WITH_README)
def test_every_folder_explains_itself(folder):
    readme = ROOT / folder / "README.md"
    assert readme.is_file()
    assert len(readme.read_text().splitlines()) > 3


def test_nothing_names_a_machine():
    # Somebody's home, this very checkout, and addresses of package indexes: where a user gets packages from is
    # the user's affair.
    places = re.compile(
        r"/(?:home|Users)/(?!user\b|owner\b|you\b|\.\.\.)\w+/"
        r"|(?<![\w.])/root/\.?\w"
        r"|https?://[\w.-]*(?:artifactory|nexus|devpi|mirror|jfrog)[\w.-]*"
        r"|(?:index-url|registry)\s*[=:]\s*\S*://"
        rf"|{re.escape(str(ROOT))}(?!\w)"
    )
    named = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in repository_files()
        if (match := places.search(_text(path)))
    ]
    assert named == []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""
