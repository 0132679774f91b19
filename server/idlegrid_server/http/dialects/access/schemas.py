"""What is taken to make a key or a token."""

from typing import Annotated, Final

from pydantic import Field

from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.dialects.tasks.fields import Words
from idlegrid_server.record.keys import MAX_NAME

MOST_SECONDS: Final = 100 * 365 * 86_400
"""A hundred years: no later date need be shown."""
MOST_USES: Final = 1_000_000
ScopeName = Annotated[str, Field(max_length=50, pattern=NO_NUL)]
Scopes = Annotated[list[ScopeName], Field(max_length=50)]


class KeyIn(Words):
    """`POST /api/keys`."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NO_NUL)]
    scopes: Scopes
    expires_in: Annotated[float, Field(gt=0, le=MOST_SECONDS)] | None = None
    """Seconds from now; null is never."""
    uses: Annotated[int, Field(ge=1, le=MOST_USES)] | None = None
    """How many nodes it may enrol; one, unless told otherwise. Only for the scope `join`."""


class TokenIn(Words):
    """`POST /api/auth/token`: nothing is all that the key and the setting allow."""

    scopes: Scopes | None = None
    expires_in: Annotated[int, Field(ge=1)] | None = None
