"""What several pages show: the coordinator's answers with their age, a run in full, tables, charts, empty places."""
