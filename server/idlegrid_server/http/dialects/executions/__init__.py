"""The execution API, at the root under `/tasks`."""
