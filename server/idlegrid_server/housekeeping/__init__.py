"""What time does: expiry, delays, debts to the queue, rebuilds. A thread in each coordinator, never through Redis."""
