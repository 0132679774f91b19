"""sqlite3 in a file, with its journal."""

import sqlite3

with sqlite3.connect("data.db") as connection:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
assert connection.execute("SELECT sum(a) FROM t").fetchone() == (4950,)
print("ok")
