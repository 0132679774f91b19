"""`python3 scripts/test.py [arguments of pytest]`: install what is missing, then run the checks and the tests.

The exit status is the first failure's. With CI=true a program that the tests need and that cannot be installed is
a failure; otherwise it is named, and the tests that need it are skipped.
"""

import os
import subprocess
import sys

import debian
import setup_lib

EVERYTHING = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""All tests: three at a time, because most of them wait for a process; those of one file share what they started, and
the long ones come first, as their names do."""
IN_CI = os.environ.get("CI", "").lower() == "true"


def main() -> int:
    """Set up, check, test; returns the exit status."""
    try:
        with setup_lib.lock():
            setup_lib.install_projects(dev=True)
            setup_lib.build_wheels()
            _install_programs()
    except setup_lib.SetupError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    checks = _python(str(setup_lib.ROOT / "scripts" / "check.py"))
    tests = _python("-m", "pytest", *(sys.argv[1:] or EVERYTHING))
    print(f"checks: {_outcome(checks)} · tests: {_outcome(tests)}", flush=True)
    return checks or tests


def _install_programs() -> None:
    missing = debian.missing()
    if not missing or (debian.install(missing) and not (missing := debian.missing())):
        return
    hint = f"missing, and needed by some tests: {', '.join(missing)} (apt install {' '.join(missing)})"
    if IN_CI:
        raise setup_lib.SetupError(hint)
    print(f"test.py: {hint}; those tests are skipped", flush=True)


def _python(*words: str) -> int:
    return subprocess.run([str(setup_lib.PYTHON), *words], cwd=setup_lib.ROOT, check=False).returncode


def _outcome(status: int) -> str:
    return "ok" if status == 0 else f"failed (status {status})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
