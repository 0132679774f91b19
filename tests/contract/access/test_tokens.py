"""Tokens in exchange for keys: what they allow, and all that makes one worthless."""

import base64
import json
import secrets
import time

import jwt
import pytest

from ..envelope import data, error, offence


@pytest.fixture(scope="module")
def key(closed) -> str:
    return closed.key("submit", "read:tasks", name="tess")


@pytest.fixture(scope="module")
def token(closed, key) -> str:
    return closed.token(key)


def refusal(closed, token: str) -> str:
    """What is said to a token from an address that nothing came from yet."""
    return error(closed.get("/api/tasks", token, closed.address()), 401, "AUTHENTICATION_ERROR")


def test_a_token_is_in_the_envelope_and_at_the_top(closed, key):
    answer = closed.ask("POST", "/api/auth/token", key)
    body = answer.json()
    words = body["data"]
    assert set(words) == {"access_token", "token_type", "expires_in"}
    assert {name: body[name] for name in words} == words
    assert (words["token_type"], words["expires_in"]) == ("bearer", 600)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_token_says_what_the_protocol_says(closed, key, token):
    words = jwt.decode(token, options={"verify_signature": False})
    kept = next(one for one in closed.store.all() if one.name == "tess")
    assert (words["sub"], words["kid"], words["aud"]) == ("tess", kept.id, "idlegrid")
    assert words["scope"] == "read:tasks submit"
    assert words["exp"] - words["iat"] == 600
    assert set(words) == {"iss", "aud", "sub", "kid", "scope", "iat", "exp", "jti"}
    assert words["jti"] != jwt.decode(closed.token(key), options={"verify_signature": False})["jti"]


def test_a_token_does_what_its_key_does(closed, token):
    assert closed.get("/api/tasks", token).status_code == 200
    assert closed.get("/api/tasks", params={"api_key": token}).status_code == 200
    run = data(closed.get("/api/runs", token))
    assert run["total"] == 0
    error(closed.get("/api/keys", token), 403, "AUTHORIZATION_ERROR")


def test_a_run_made_with_a_token_is_its_key_s_holder_s(closed, key, token):
    run = closed.ask("POST", "/submit", token, json={"code": "print(1)"}).json()["task_id"]
    assert data(closed.get(f"/api/runs/{run}", key))["submitter"] == "tess"
    assert closed.ask("POST", f"/api/runs/{run}/abort", token).status_code == 200


def test_a_token_may_be_given_less(closed, key):
    token = closed.token(key, scopes=["read:tasks"], expires_in=60)
    assert closed.get("/api/tasks", token).status_code == 200
    assert "scope submit" in closed.ask("POST", "/submit", token, json={}).json()["detail"]
    words = jwt.decode(token, options={"verify_signature": False})
    assert words["exp"] - words["iat"] == 60


def test_a_token_cannot_be_given_more(closed, key):
    def ask(**words):
        return closed.ask("POST", "/api/auth/token", key, json=words)

    assert "read:jobs" in error(ask(scopes=["read:tasks", "read:jobs"]), 403, "AUTHORIZATION_ERROR")
    assert offence(ask(scopes=["read:everything"])) == ("scopes", "enum")
    assert offence(ask(scopes=[])) == ("scopes", "min_length")
    assert offence(ask(expires_in=601)) == ("expires_in", "max")
    assert offence(ask(expires_in=0)) == ("expires_in", "min")
    assert offence(ask(expires_in="1")) == ("expires_in", "type")
    assert offence(ask(key="x")) == ("key", "unknown_field")


def test_an_administrator_may_ask_for_any_scope(closed):
    token = closed.token(closed.admin, scopes=["read:tasks"])
    assert closed.get("/api/tasks", token).status_code == 200
    assert closed.get("/api/keys", token).status_code == 403


def test_a_token_ends_no_later_than_its_key(closed):
    key = closed.key("read:tasks", expires_at=time.time() + 100)
    words = jwt.decode(closed.token(key), options={"verify_signature": False})
    assert words["exp"] <= time.time() + 100


def test_a_token_is_not_exchanged_for_another(closed, token):
    assert "send the key" in error(closed.ask("POST", "/api/auth/token", token), 403, "AUTHORIZATION_ERROR")


def test_a_token_of_a_revoked_key_is_refused(closed):
    key, made = closed.make("read:tasks", name="leaver")
    token = closed.token(key)
    assert closed.get("/api/tasks", token).status_code == 200
    data(closed.ask("DELETE", f"/api/keys/{made.id}", closed.admin))
    assert "not valid" in refusal(closed, token)


def test_an_unsigned_token_is_refused(closed, token):
    for algorithm in ("none", "None", "NONE"):
        head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).rstrip(b"=").decode()
        body = token.split(".")[1]
        for signature in ("", token.split(".")[2]):
            refusal(closed, f"{head}.{body}.{signature}")
    refusal(closed, closed.forged(token, secret="", algorithm="none"))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_signed_otherwise_is_refused(closed, token):
    secret = (closed.coordinator.data / "token.key").read_bytes()
    for algorithm in ("HS384", "HS512"):
        refusal(closed, closed.forged(token, secret=secret, algorithm=algorithm))
    # As if the secret were the public half of a pair: the head says RS256, the signature is an HMAC by it.
    head, body, signature = token.split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    refusal(closed, f"{head}.{body}.{signature}")


def test_a_token_with_a_foreign_secret_is_refused(closed, token):
    refusal(closed, closed.forged(token, secret=secrets.token_bytes(32)))


def test_a_token_whose_words_were_changed_is_refused(closed, token):
    head, body, signature = token.split(".")
    words = json.loads(base64.urlsafe_b64decode(body + "=="))
    words["scope"] = "admin"
    changed = base64.urlsafe_b64encode(json.dumps(words).encode()).rstrip(b"=").decode()
    refusal(closed, f"{head}.{changed}.{signature}")


@pytest.mark.parametrize(
    "words",
    [
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "00000000-0000-0000-0000-000000000000"},
        {"iss": None},
        {"kid": None},
        {"kid": "1"},
        {"kid": True},
        {"kid": 10**12},
        {"sub": None},
        {"scope": None},
        {"scope": ["admin"]},
    ],
    ids=str,
)
def test_a_token_with_wrong_words_is_refused_however_well_it_is_signed(closed, token, words):
    assert closed.get("/api/tasks", closed.forged(token)).status_code == 200
    refusal(closed, closed.forged(token, **words))


def test_a_token_has_no_more_than_its_key_whatever_it_says(closed, token):
    forged = closed.forged(token, scope="admin read:tasks read:workers")
    assert closed.get("/api/tasks", forged).status_code == 200
    for path in ("/api/keys", "/api/workers"):
        error(closed.get(path, forged), 403, "AUTHORIZATION_ERROR")


@pytest.mark.parametrize("shown", ["..", "a.b.c", "x" * 3000 + ".y.z", "é.é.é", "eyJhbGciOiJIUzI1NiJ9.e30."])
def test_what_is_no_token_at_all_is_refused(closed, shown):
    headers = {"Authorization": f"Bearer {shown}".encode("latin-1")}
    answer = closed.get("/api/tasks", address=closed.address(), headers=headers)
    error(answer, 401, "AUTHENTICATION_ERROR")


def test_the_secret_is_for_its_owner_alone(closed):
    secret = closed.coordinator.data / "token.key"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_bytes()) == 32


def test_without_keys_there_is_nothing_to_exchange(grid):
    error(grid.post("/api/auth/token"), 409, "RESOURCE_CONFLICT")
