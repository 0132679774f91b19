"""The jobs API, under `/api/v1/jobs`: tasks and their runs, to read."""
