"""`python -m idlegrid_node` is `idlegrid node`."""

import argparse

from idlegrid_node.command import NODE


def main() -> int:
    """Parse the command line and run one node; returns the exit status."""
    parser = argparse.ArgumentParser(prog="idlegrid node", description=NODE.help)
    NODE.configure(parser)
    return NODE.run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
