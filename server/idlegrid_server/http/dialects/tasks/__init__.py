"""The task API under `/api`, as far as it stands: runs, workers, the timeline. A later release adds the rest."""
