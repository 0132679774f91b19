"""`python3 scripts/start.py [arguments of idlegrid up]`: install idlegrid into `.venv`, then run `idlegrid up`.

Needs Python 3.11 or newer and nothing else. `--install-only` stops after installing.
"""

import sys

# Before anything that an older Python 3 could not even read.
if sys.version_info < (3, 11):  # noqa: UP036 - this is where it is found out
    version = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"idlegrid needs Python 3.11 or newer, this is {version}: try python3.11 scripts/start.py")

import os

import setup_lib


def main() -> int:
    """Install what is missing, then become `idlegrid up`; returns an exit status if it does not get that far."""
    arguments = sys.argv[1:]
    try:
        with setup_lib.lock():
            setup_lib.install_projects()
            setup_lib.build_wheels()
    except setup_lib.SetupError as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("start.py: interrupted; the next call mends what is half done", file=sys.stderr)
        return 130
    if "--install-only" in arguments:
        print(f"installed in {setup_lib.VENV}; `python3 scripts/start.py` starts the grid")
        return 0
    environment = os.environ | {"IDLEGRID_DIST_DIR": str(setup_lib.DIST)}
    # In place, so that Ctrl-C and SIGTERM reach the supervisor and nobody stands in between.
    return os.execve(setup_lib.PYTHON, [str(setup_lib.PYTHON), "-m", "idlegrid", "up", *arguments], environment)


if __name__ == "__main__":
    sys.exit(main())
