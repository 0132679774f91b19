"""What the envelope holds, and checks of the envelope itself."""

from datetime import datetime
from typing import Any

INVALID = "请求参数验证失败"


def data(answer: Any, status: int = 200) -> Any:
    """What a successful answer holds."""
    body = answer.json()
    assert (answer.status_code, body["success"]) == (status, True), body
    assert set(body) == {"success", "data", "metadata"}
    check_metadata(answer, body["metadata"])
    return body["data"]


def error(answer: Any, status: int, code: str) -> str:
    """The message of a failed answer."""
    body = answer.json()
    assert (answer.status_code, body["success"]) == (status, False), body
    assert set(body) == {"success", "error", "metadata"}
    check_metadata(answer, body["metadata"])
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["code"] == code
    assert isinstance(body["error"]["message"], str)
    return str(body["error"]["message"])


def offences(answer: Any, status: int = 422) -> list[dict[str, Any]]:
    """All that is wrong by a VALIDATION_ERROR; the first of them stands in its details, too."""
    assert error(answer, status, "VALIDATION_ERROR") == INVALID
    details = answer.json()["error"]["details"]
    assert set(details) == {"field", "rule", "value", "errors"}
    all_of_them = list(details["errors"])
    assert all(set(one) == {"field", "rule", "value", "message"} for one in all_of_them)
    assert {name: details[name] for name in ("field", "rule", "value")} == {
        name: all_of_them[0][name] for name in ("field", "rule", "value")
    }
    return all_of_them


def offence(answer: Any, status: int = 422) -> tuple[str, str]:
    """Field and rule of the first offender."""
    first = offences(answer, status)[0]
    return first["field"], first["rule"]


def check_metadata(answer: Any, metadata: dict[str, Any]) -> None:
    assert set(metadata) == {"timestamp", "request_id", "version"}
    assert metadata["version"] == "1.0.0"
    assert moment(metadata["timestamp"]).tzinfo is not None
    assert metadata["request_id"].startswith("req_")
    assert answer.headers["X-Request-ID"] == metadata["request_id"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
