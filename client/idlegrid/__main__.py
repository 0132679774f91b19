"""`python -m idlegrid` is the `idlegrid` command."""

from idlegrid.cli import main

raise SystemExit(main())
