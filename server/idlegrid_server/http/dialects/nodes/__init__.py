"""The node protocol (`docs/protocol.md` §1): heartbeat, fetch, report."""
