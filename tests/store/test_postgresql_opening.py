"""Opening a record in PostgreSQL: what its URL may be, what is said when it will not do, what its sessions are told."""

import secrets
import socket
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from idlegrid_server.core.commands import MakeRuns
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.record.address import checked_url, shown
from idlegrid_server.record.engine import check_server, make_engine, open_engine

from ..parts import submission
from .conftest import Pen

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://u:p@h:1/n", "postgresql+psycopg://u:p@h:1/n"),
        ("postgres://u@h/n?sslmode=require", "postgresql+psycopg://u@h/n?sslmode=require"),
        ("postgresql+psycopg://u@/n?host=/run", "postgresql+psycopg://u@/n?host=%2Frun"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_a_url_is_given_its_driver(text, url):
    assert checked_url(text).render_as_string(hide_password=False) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://u:{SECRET}@h:port/n", "is no URL"),
        (SECRET, "is no URL"),
        (f"mysql://u:{SECRET}@h/n", "neither PostgreSQL nor SQLite"),
        (f"postgresql://u:p@{SECRET}@h/n", "an @ too many"),
    ],
)
def test_a_wrong_url_is_a_sentence_that_repeats_nothing_secret(url, words):
    with pytest.raises(RecordUnavailable, match=words) as raised:
        make_engine(url)
    assert SECRET not in str(raised.value)
    assert "IDLEGRID_DATABASE_URL" in str(raised.value)


def test_a_url_is_shown_without_what_is_secret_in_it():
    url = checked_url(f"postgresql://u:{SECRET}@h:1/n?passfile={SECRET}")
    assert shown(url) == "postgresql://u:***@h:1/n"


def test_without_its_driver_the_sentence_has_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(RecordUnavailable, match=r"pip install 'idlegrid-server\[postgres\]'"):
        make_engine("postgresql://h/n")


@pytest.mark.parametrize(
    ("major", "encoding", "words"),
    [(12, "UTF8", "this is PostgreSQL 12; use 13 or newer"), (15, "SQL_ASCII", "createdb .*--encoding=UTF8")],
)
def test_a_server_that_will_not_do_is_refused(major, encoding, words):
    check_server(13, "UTF8")
    with pytest.raises(RecordUnavailable, match=words):
        check_server(major, encoding)


@pytest.fixture
def chatterbox() -> Iterator[int]:
    """A server that speaks something else: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with listener.accept()[0] as caller:
                caller.recv(1_000)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_server_that_is_no_postgresql_is_a_sentence_without_the_password(chatterbox):
    refused(f"postgresql://grid:{SECRET}@127.0.0.1:{chatterbox}/grid")


def test_a_server_that_is_not_there_is_a_sentence_without_the_password():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused(f"postgresql://grid:{SECRET}@127.0.0.1:{port}/grid")


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_a_sentence_without_the_password(postgres_server):
    refused(postgres_server.url("nowhere").replace("grid@", f"grid:{SECRET}@"))


def refused(url: str) -> None:
    with pytest.raises(RecordUnavailable, match=r"check that PostgreSQL takes connections at .*DATABASE_URL") as raised:
        open_engine(url)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.fixture
def odd(postgres_server) -> Iterator[Engine]:
    """A record in a database with settings that would cost us data."""
    url = postgres_server.make_database(f"odd_{secrets.token_hex(4)}")
    owner = make_engine(url)
    with owner.begin() as connection:
        for setting in ("synchronous_commit = off", "default_transaction_isolation = 'serializable'"):
            connection.exec_driver_sql(f"ALTER DATABASE {owner.url.database} SET {setting}")
    owner.dispose()
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.mark.postgres
def test_a_session_is_told_what_we_rely_on(odd):
    with odd.connect() as connection:
        told = {
            name: connection.scalar(text(f"SHOW {name}"))
            for name in (
                "synchronous_commit",
                "transaction_isolation",
                "lock_timeout",
                "statement_timeout",
                "idle_in_transaction_session_timeout",
                "application_name",
            )
        }
    assert list(told.values()) == ["on", "read committed", "10s", "1min", "30s", "idlegrid"]


@pytest.mark.postgres
def test_whoever_holds_a_row_for_too_long_is_an_outage_and_no_standstill(postgres, clock, monkeypatch):
    monkeypatch.setattr("idlegrid_server.record.engine.SESSION", {"lock_timeout": "50ms"})
    Pen(postgres, clock).do(MakeRuns([submission()], ["u1"]))
    impatient = make_engine(postgres.url)
    with postgres.connect() as holder:
        holder.execute(text("SELECT * FROM runs FOR UPDATE"))
        with pytest.raises(RecordUnavailable, match="lock timeout"):
            Pen(impatient, clock).load(ids={1})
    impatient.dispose()
