"""The record: the only part that knows SQL. SQLite in the data folder, or PostgreSQL by URL."""
