"""`python3 scripts/test.py [arguments of pytest]`: install what is missing, then run the checks beside the tests.

The exit status is the first failure's. With CI=true a program that the tests need and that cannot be installed is
a failure; otherwise it is named, and the tests that need it are skipped.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import debian
import setup_lib

EVERYTHING = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder", "--cache-clear")
"""All tests: four at a time, because most of them wait for a process; those of one file share what they started, and
the long ones come first, as their names do."""
MOST_AGAIN = 3
"""So many failed tests of all are run once more, alone: among 6,000 with real browsers and processes, four at a time on
two cores, one may starve. They are named, whatever comes of it; more of them are no bad luck.
"""
LAST_FAILED = setup_lib.ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
"""Where pytest notes them, as the keys of a JSON object."""
CHECK = str(setup_lib.ROOT / "scripts" / "check.py")
IN_CI = os.environ.get("CI", "").lower() == "true"


def main() -> int:
    """Set up, check, test; returns the exit status."""
    # Hundreds of processes are started, and without it each would compile all of the product anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        with setup_lib.lock():
            _install()
    except setup_lib.SetupError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    with subprocess.Popen(_python(CHECK), cwd=setup_lib.ROOT, stdout=subprocess.PIPE, text=True) as checking:
        tests = _pytest(sys.argv[1:] or EVERYTHING)
        if tests == 1 and not sys.argv[1:]:
            tests = _failed_once_more()
        print(checking.communicate()[0], end="", flush=True)
    checks = checking.returncode
    print(f"checks: {_outcome(checks)} · tests: {_outcome(tests)}", flush=True)
    return checks or tests


def _failed_once_more() -> int:
    """The exit status of the failed tests by themselves; 1 when they are too many for that."""
    failed = sorted(json.loads(LAST_FAILED.read_text()))
    if len(failed) > MOST_AGAIN:
        return 1
    print("failed beside the others; once more, alone:", *failed, sep="\n  ", flush=True)
    return _pytest(failed)


def _pytest(words: Sequence[str]) -> int:
    return subprocess.run(_python("-m", "pytest", *words), cwd=setup_lib.ROOT, check=False).returncode


def _install() -> None:
    """Python's packages and the system's, at the same time: one waits for a processor, the other for a disk."""
    with ThreadPoolExecutor() as pool:
        programs = pool.submit(_install_programs)
        setup_lib.install_projects(dev=True)
        setup_lib.build_wheels()
        programs.result()


def _install_programs() -> None:
    missing = debian.missing()
    if not missing or (debian.install(missing) and not (missing := debian.missing())):
        return
    hint = f"missing, and needed by some tests: {', '.join(missing)} (apt install {' '.join(missing)})"
    if IN_CI:
        raise setup_lib.SetupError(hint)
    print(f"test.py: {hint}; those tests are skipped", flush=True)


def _python(*words: str) -> list[str]:
    return [str(setup_lib.PYTHON), *words]


def _outcome(status: int) -> str:
    return "ok" if status == 0 else f"failed (status {status})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
