"""Ask for the owner's keys."""

import ctypes

from tries import attempt, syscall

USER_KEYRING, SESSION_KEYRING = -4, -3
GET_KEYRING_ID, LINK, SEARCH, READ = 0, 8, 10, 11


def taken(keyring):
    buffer = ctypes.create_string_buffer(64)
    key = syscall("keyctl", SEARCH, keyring, b"user", b"idlegrid-canary", 0)
    return buffer.raw[: syscall("keyctl", READ, key, buffer, 64)]


def named():
    with open("/proc/keys") as keys:
        return [line for line in keys if "idlegrid-canary" in line]


attempt("request", syscall, "request_key", b"user", b"idlegrid-canary", None, 0)
attempt("add", syscall, "add_key", b"user", b"evil", b"x", 1, SESSION_KEYRING)
attempt("find the keyring", syscall, "keyctl", GET_KEYRING_ID, USER_KEYRING, 0)
attempt("read from the user's keyring", taken, USER_KEYRING)
attempt("read from the session's keyring", taken, SESSION_KEYRING)
attempt("link the keyrings", syscall, "keyctl", LINK, USER_KEYRING, SESSION_KEYRING)
attempt("names of keys", named)
