"""Every endpoint × every scope, from the table that the coordinator itself goes by."""

import re

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from idlegrid_server.core.access import SCOPES as ALL_SCOPES
from idlegrid_server.core.access import Access
from idlegrid_server.http.dialect import Dialect, dialect_of
from idlegrid_server.http.scopes import SCOPES

from ..envelope import error

ENDPOINTS = [(method, path, access) for (method, path), access in SCOPES.items() if method != "WS"]


@pytest.fixture(scope="module")
def keys(closed) -> dict[str, str]:
    """A key of each single scope."""
    return {scope: closed.key(scope, name=f"only {scope}") for scope in ALL_SCOPES}


def example(path: str) -> str:
    """A path of the endpoint's; nothing is there."""
    return re.sub(r"{(name:file|name)}", "a.txt", re.sub(r"{(\w+_id|run|project)}", "987654321", path))


def admits(access: Access | None, scope: str) -> bool:
    return access is None or not access.scope or scope in ("admin", access.scope, access.own)


def check_refusal(answer, status: int, words: str) -> None:
    """In the shape of the API it belongs to."""
    assert answer.status_code == status, (answer.request.url, answer.text)
    dialect = dialect_of(answer.request.path_url)
    if dialect is Dialect.ENVELOPE:
        message = error(answer, status, {401: "AUTHENTICATION_ERROR", 403: "AUTHORIZATION_ERROR"}[status])
    elif dialect is Dialect.JOBS:
        message = answer.json()["error"]["message"]
        code = {401: "UNAUTHORIZED", 403: "FORBIDDEN"}[status]
        assert answer.json() == {"error": {"code": code, "message": message}}
    else:
        assert set(answer.json()) == {"detail"}
        message = answer.json()["detail"]
    assert words in message
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_every_endpoint_opens_to_the_scopes_of_the_table_and_to_no_other(closed, keys):
    for method, path, access in ENDPOINTS:
        for scope, key in keys.items():
            body = {"json": {}} if method in ("POST", "PUT") else {}
            answer = closed.ask(method, example(path), key, **body)
            if admits(access, scope):
                assert answer.status_code not in (401, 403, 429, 500), (method, path, scope, answer.text)
            else:
                check_refusal(answer, 403, f"lacks the scope {access.scope}")


def test_without_a_key_only_what_is_open_answers(closed):
    for method, path, access in ENDPOINTS:
        answer = closed.ask(method, example(path))
        if access is None:
            assert answer.status_code not in (401, 403, 429, 500), (method, path, answer.text)
        else:
            check_refusal(answer, 401, "key is required")


def test_what_has_a_version_in_its_path_is_as_closed_as_without(closed, keys):
    for method, path, access in ENDPOINTS:
        if path.startswith(("/api/tasks", "/api/runs", "/api/workers")):
            versioned = example(path).replace("/api/", "/api/v1/")
            check_refusal(closed.ask(method, versioned), 401, "key is required")
            check_refusal(closed.ask(method, versioned, keys["read:jobs"]), 403, f"lacks the scope {access.scope}")


@pytest.mark.parametrize("path", ["/api/tasks", "/results", "/internal/task", "/api/auth/token"])
def test_a_wrong_key_opens_nothing_that_is_closed(closed, path):
    method = "POST" if path.endswith("token") else "GET"
    check_refusal(closed.ask(method, path, "ig_submit_wrong", closed.address()), 401, "not valid")


@pytest.mark.parametrize("scope", [*ALL_SCOPES, ""])
def test_the_updates_open_to_the_same_scopes_as_runs(closed, keys, scope):
    url = f"{closed.coordinator.url.replace('http', 'ws', 1)}/ws/updates?api_key={keys.get(scope, '')}"
    if admits(SCOPES["WS", "/ws/updates"], scope):
        with connect(url) as socket:
            socket.ping().wait(20)
    else:
        with pytest.raises(InvalidStatus):
            connect(url)
