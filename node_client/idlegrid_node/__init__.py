"""The agent on a spare machine: takes work while the owner is away and runs it in a sandbox."""

__version__ = "1.0.0"
