"""`python3 scripts/check.py`: formatting, lint, types and import rules, all at once; exit status 1 if any fails."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

CHECKS = {
    "ruff check": ["-m", "ruff", "check"],
    "ruff format": ["-m", "ruff", "format", "--check"],
    "mypy": ["-m", "mypy"],
    "import rules": ["-c", LINT_IMPORTS],
}


def python() -> str:
    """The Python that has the tools: this one, else the repository's own."""
    return sys.executable if find_spec("ruff") else str(ROOT / ".venv" / "bin" / "python")


def main() -> int:
    """Run every check, print a line for each and the output of those that fail."""
    started = {
        name: subprocess.Popen(
            [python(), *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, words in CHECKS.items()
    }
    return max(_report(name, process) for name, process in started.items())


def _report(name: str, process: "subprocess.Popen[str]") -> int:
    output, _ = process.communicate()
    print(f"{name:<14} {'ok' if process.returncode == 0 else 'FAILED'}", flush=True)
    if process.returncode == 0:
        return 0
    print(output, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
