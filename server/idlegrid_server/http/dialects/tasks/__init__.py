"""The task API under `/api`: tasks, runs, workers, the system."""
