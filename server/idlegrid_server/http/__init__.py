"""The coordinator's HTTP side: what all dialects share, and one folder a dialect."""
