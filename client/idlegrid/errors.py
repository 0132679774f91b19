"""Everything the library raises on purpose.

::

    IdlegridError
    ├── Unreachable            no answer: nobody listens, the name is unknown, too slow
    ├── ApiError               the coordinator answered, and said no
    │   ├── InvalidRequest     400, 413, 415, 422
    │   ├── NotAllowed         401, 403
    │   ├── NotFound           404
    │   ├── Conflict           409
    │   ├── RateLimited        429
    │   └── ServerError        5xx
    ├── FileError              a run's file: its name is refused, it is damaged, the disk does not take it
    ├── RunFailed              the run ended, but not well
    └── RunTimeout             (also a TimeoutError) the run has not ended yet; it goes on

A message says what to do next where the library knows it.
"""

from collections.abc import Mapping
from typing import Any

from idlegrid.display import visible


class IdlegridError(Exception):
    """The base of all errors of the library."""


class Unreachable(IdlegridError):
    """The coordinator gave no answer."""


class ApiError(IdlegridError):
    """The coordinator refused a request: `status` is HTTP's, `detail` its own sentence.

    `code` is the error code of the APIs under `/api` (else empty); `details` names the fields that are wrong, when
    told; `retry_after` is in seconds, when told.
    """

    advice = ""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.retry_after = retry_after
        self.details = dict(details or {})

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Each field that is wrong, and what is wrong with it, in the order in which the coordinator names them."""
        listed = self.details.get("errors")
        named = listed if isinstance(listed, list) else [self.details] if self.details.get("field") else []
        return tuple(_offender(one) for one in named if isinstance(one, dict))

    def __str__(self) -> str:
        named = "; ".join(f"{field}: {problem}" for field, problem in self.fields if problem != self.detail)
        return f"{self.detail} (HTTP {self.status}){': ' + named if named else ''}{self.advice}"


class InvalidRequest(ApiError):
    """The request cannot be served as it is: the sentence names what to change."""


class NotAllowed(ApiError):
    """The key is missing or not valid (401), or it lacks the scope, which the sentence names (403)."""

    advice = "; give a key that may do this as api_key=…, --key, or in IDLEGRID_API_KEY"


class NotFound(ApiError):
    """There is no such thing (a run of somebody else's looks just so), or no such path on this server."""


class Conflict(ApiError):
    """The request contradicts what is recorded already; nothing was changed."""


class RateLimited(ApiError):
    """Too many requests: wait `retry_after` seconds. Where that is short enough a `Session` has done so already."""

    def __str__(self) -> str:
        wait = "a moment" if self.retry_after is None else f"{self.retry_after:g} s"
        return f"{super().__str__()}; try again in {wait}"


class ServerError(ApiError):
    """The coordinator failed; the request may or may not have been carried out."""

    advice = "; the coordinator's log says why"


class FileError(IdlegridError):
    """A file of a run is not to be had: its name is refused, it came damaged, or the disk does not take it."""


class RunFailed(IdlegridError):
    """A run ended as failed, timed out or cancelled.

    `error` is the remote traceback's text or the reason in a sentence, `exit_code` the process's or None,
    `reason` a short code (`timeout`, `memory_limit`, `user_error`, …) or empty when the server gave none. What the
    code wrote is in `error` as it wrote it; as a message it is `visible`, because tracebacks go to terminals.
    """

    def __init__(self, run_id: int, error: str, exit_code: int | None = None, reason: str = "") -> None:
        super().__init__(run_id, error, exit_code, reason)
        self.run_id = run_id
        self.error = error
        self.exit_code = exit_code
        self.reason = reason

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        end = "" if self.exit_code is None else f" with exit status {self.exit_code}"
        return f"run {self.run_id} failed{end}{why}:\n{visible(self.error)}"


class RunTimeout(IdlegridError, TimeoutError):
    """A run had not ended when the caller's patience did. It goes on: ask again, or cancel it."""


def _offender(named: Mapping[str, Any]) -> tuple[str, str]:
    field = str(named.get("field") or "")
    return field, str(named.get("message") or named.get("rule") or "").removeprefix(f"{field}: ")


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def api_error(
    status: int,
    detail: str,
    *,
    code: str = "",
    retry_after: float | None = None,
    details: Mapping[str, Any] | None = None,
) -> ApiError:
    """Choose the error of the tree above for an HTTP status."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    return kind(status, detail, code=code, retry_after=retry_after, details=details)
