"""Names of files in paths: taken whole, as they were sent, and refused when they are not good."""

from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from idlegrid_server.core.files import MAX_NAME, MAX_PARTS, is_good_name
from idlegrid_server.http.offences import BadRequest
from idlegrid_server.http.routing import Call

RULES: Final = (
    f"A file's name is a relative path in UTF-8 of at most {MAX_NAME} characters and {MAX_PARTS} parts, "
    "without empty, `.` or `..` parts, control characters and backslashes"
)


def checked_name(call: Call, name: str) -> str:
    """The name, when it is a good one. Raises BadRequest.

    The server decodes with replacement characters, under which two names would become one.
    """
    if not is_good_name(name) or not _is_utf8(unquote_to_bytes(call.scope["raw_path"])):
        raise BadRequest(HTTPStatus.BAD_REQUEST, RULES, field="name", rule="pattern", value=name)
    return name


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
