"""What the grid decides, in plain Python: no framework, no database, no Redis (checked by import-linter)."""
