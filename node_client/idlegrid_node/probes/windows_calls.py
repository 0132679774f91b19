"""What Windows is asked, by ctypes. EXPERIMENTAL, as `windows.py`; only the layout of its answers is tested.

Each function raises OSError when Windows refuses.
"""

import ctypes
import os
from typing import Any, NamedTuple

WTS_ACTIVE = 0  # WTS_CONNECTSTATE_CLASS
WTS_SESSION_INFO_EX = 25  # WTS_INFO_CLASS
SYSTEM_EXECUTION_STATE = 16  # POWER_INFORMATION_LEVEL
FILETIME_PER_SECOND = 10_000_000


class LastInput(ctypes.Structure):
    """LASTINPUTINFO (winuser.h)."""

    _fields_ = [("size", ctypes.c_uint32), ("tick_ms", ctypes.c_uint32)]


class SessionName(ctypes.Structure):
    """WTS_SESSION_INFOW (wtsapi32.h)."""

    _fields_ = [("id", ctypes.c_uint32), ("station", ctypes.c_void_p), ("state", ctypes.c_int32)]


class SessionInfo(ctypes.Structure):
    """WTSINFOEXW with its one level, WTSINFOEX_LEVEL1_W (wtsapi32.h); a WCHAR has 16 bits. Times are FILETIMEs."""

    _fields_ = [
        ("level", ctypes.c_uint32),
        ("_unused", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("state", ctypes.c_int32),
        ("flags", ctypes.c_int32),
        ("station", ctypes.c_uint16 * 33),
        ("user", ctypes.c_uint16 * 21),
        ("domain", ctypes.c_uint16 * 18),
        ("logon_time", ctypes.c_int64),
        ("connect_time", ctypes.c_int64),
        ("disconnect_time", ctypes.c_int64),
        ("last_input_time", ctypes.c_int64),
        ("current_time", ctypes.c_int64),
        ("counters", ctypes.c_uint32 * 6),
    ]


class Session(NamedTuple):
    """A session; `idle_s` is None where it does not tell."""

    id: int
    active: bool
    idle_s: float | None


def session_of(answer: bytes) -> Session:
    """Return what WTSSessionInfoEx tells. Raises ValueError for a shorter answer. Pure."""
    told = SessionInfo.from_buffer_copy(answer)
    idle = (told.current_time - told.last_input_time) / FILETIME_PER_SECOND
    return Session(told.id, told.state == WTS_ACTIVE, max(0.0, idle) if told.last_input_time else None)


def own_session() -> int:
    """Return the session that this process is in."""
    session = ctypes.c_uint32()
    _good(_library("kernel32").ProcessIdToSessionId(ctypes.c_uint32(os.getpid()), ctypes.byref(session)))
    return session.value


def last_input_and_now() -> tuple[int, int]:
    """Return the tick of this session's last input, and the tick of now, in milliseconds."""
    told = LastInput(ctypes.sizeof(LastInput))
    _good(_library("user32").GetLastInputInfo(ctypes.byref(told)))
    return told.tick_ms, _library("kernel32").GetTickCount() & 0xFFFFFFFF


def execution_state() -> int:
    """Return what programs want to be kept on, as SetThreadExecutionState has it."""
    state = ctypes.c_uint32()
    ask = _library("powrprof").CallNtPowerInformation
    status = ask(SYSTEM_EXECUTION_STATE, None, 0, ctypes.byref(state), ctypes.sizeof(state))
    if status != 0:
        raise OSError(f"CallNtPowerInformation: status {status & 0xFFFFFFFF:#x}")
    return state.value


def sessions() -> list[Session]:
    """Return all sessions of the machine."""
    library = _library("wtsapi32")
    listed, count = ctypes.POINTER(SessionName)(), ctypes.c_uint32()
    _good(library.WTSEnumerateSessionsW(None, 0, 1, ctypes.byref(listed), ctypes.byref(count)))
    try:
        return [_session(library, listed[number].id) for number in range(count.value)]
    finally:
        library.WTSFreeMemory(listed)


def _session(library: Any, number: int) -> Session:
    answer, size = ctypes.c_void_p(), ctypes.c_uint32()
    asked = (None, ctypes.c_uint32(number), WTS_SESSION_INFO_EX, ctypes.byref(answer), ctypes.byref(size))
    _good(library.WTSQuerySessionInformationW(*asked))
    try:
        return session_of(ctypes.string_at(answer, size.value))
    finally:
        library.WTSFreeMemory(answer)


def _library(name: str) -> Any:
    return vars(ctypes)["WinDLL"](name, use_last_error=True)


def _good(answer: int) -> None:
    if not answer:
        number = vars(ctypes)["get_last_error"]()
        raise OSError(number, vars(ctypes)["FormatError"](number))
