"""Where the record lies: its URL made what SQLAlchemy takes, and shown without its password. Pure."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from idlegrid_server.core.errors import RecordUnavailable

EXAMPLE: Final = "postgresql://USER:PASSWORD@HOST:5432/NAME"
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
}


def checked_url(text: str | URL) -> URL:
    """The URL with its driver. Raises RecordUnavailable, which repeats nothing of a text that may be a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise RecordUnavailable(_advice("is no URL of a database")) from None
    if url.drivername not in _DRIVERS:
        raise RecordUnavailable(_advice("names a database that is neither PostgreSQL nor SQLite"))
    # What looks like a name with an @ in it is the end of a password that nobody encoded.
    if "@" in (url.host or ""):
        raise RecordUnavailable(_advice("has an @ too many"))
    return url.set(drivername=_DRIVERS[url.drivername])


def _advice(problem: str) -> str:
    return (
        f"IDLEGRID_DATABASE_URL {problem}: write {EXAMPLE}, with special characters of the password as %XX, "
        "or leave it empty for SQLite in the data folder"
    )


def shown(url: URL) -> str:
    """The URL for people to read, without its password and what else may be secret."""
    return url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "")
