"""What the fields of the task API's bodies may hold. A rule that pydantic lacks is raised under its own name."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from idlegrid_server.core import limits
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL, Label

T = TypeVar("T")
MAX_TEXT: Final = 10_000
"""Characters of a description, and of one argument."""
MAX_COMMAND: Final = 100_000
"""Characters of a command (a whole shell script, or a URL), and of all arguments together."""
MAX_METADATA_BYTES: Final = 64 << 10
MAX_PARAMETERS_BYTES: Final = 256 << 10


class Words(BaseModel):
    """A number is a number, a text a text; numbers are finite, and what is unknown is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _utf8(most: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text.encode()) > most:
            raise PydanticCustomError("max_length", "at most {most} bytes of UTF-8", {"most": most})
        return text

    return check


def _characters_in_all(most: int) -> Callable[[Sequence[str]], Any]:
    def check(texts: Sequence[str]) -> Sequence[str]:
        if sum(map(len, texts)) > most:
            raise PydanticCustomError("max_length", "at most {most} characters in all", {"most": most})
        return texts

    return check


def plain(value: Any) -> Any:
    """JSON without NUL characters, which not every database holds. Raises PydanticCustomError."""
    if isinstance(value, dict):
        for name, item in value.items():
            plain(name)
            plain(item)
    elif isinstance(value, list):
        for item in value:
            plain(item)
    elif isinstance(value, str) and "\0" in value:
        raise PydanticCustomError("nul", "no text may contain NUL characters")
    return value


def in_bytes(value: Any, most: int) -> None:
    """Raise PydanticCustomError for JSON that is too long, or holds a number that is."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except ValueError as error:
        raise PydanticCustomError("finite", "numbers must be finite, and of less than 4,300 digits") from error
    if size > most:
        raise PydanticCustomError("max_length", "at most {most} bytes as JSON", {"most": most})


def _small(most: int) -> Callable[[T], T]:
    def check(value: T) -> T:
        in_bytes(plain(value), most)
        return value

    return check


def _as_text(value: Any) -> Any:
    """An id may come as a number."""
    return str(value) if type(value) is int and 0 < value <= limits.MAX_INT64 else value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$")]
TaskType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=NO_NUL)]
Short = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]
Executor = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Command = Annotated[str, StringConstraints(min_length=1, max_length=MAX_COMMAND, pattern=NO_NUL)]
Arguments = Annotated[list[Text], Field(max_length=1_000), AfterValidator(_characters_in_all(MAX_COMMAND))]
Code = Annotated[
    str,
    StringConstraints(max_length=limits.MAX_TASK_CODE, pattern=NO_NUL),
    AfterValidator(_utf8(limits.MAX_TASK_CODE)),
]
Retries = Annotated[int, Field(ge=0, le=limits.MAX_RETRIES)]
Timeout = Annotated[float, Field(gt=0, le=limits.MAX_TIMEOUT)]
Interval = Annotated[float, Field(ge=limits.MIN_INTERVAL, le=limits.MAX_INTERVAL)]
Instances = Annotated[int, Field(ge=1, le=limits.MAX_INSTANCES)]
Level = Annotated[int, Field(ge=1, le=limits.MAX_SANDBOX)]
Tag = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,100}$")]
"""A label for people, in any script."""
Tags = Annotated[list[Tag], Field(max_length=50)]
Requires = Annotated[list[Label], Field(max_length=20), AfterValidator(_characters_in_all(limits.MAX_REQUIRES_CHARS))]
Parent = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=NO_NUL),
    BeforeValidator(_as_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 200},
                {"type": "integer", "minimum": 1, "maximum": limits.MAX_INT64},
            ]
        }
    ),
]
"""A task's id, as text or number, or its name."""
Parents = Annotated[list[Parent], Field(max_length=100)]
Parameters = Annotated[dict[str, Any], AfterValidator(_small(MAX_PARAMETERS_BYTES))]


class Resources(Words):
    """Cores and MB."""

    cpu: float = Field(default=limits.DEFAULT_CPU, gt=0, le=limits.MAX_CPU)
    memory: float = Field(default=limits.DEFAULT_MEMORY_MB, gt=0, le=limits.MAX_MEMORY_MB)


class MetadataIn(BaseModel):
    """Anything; these names mean something, and keep the rules that they keep at the top."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    interval_seconds: Interval | None = None
    max_instances: Instances | None = None
    job_type: Short | None = None
    job_category: Short | None = None
    timezone: Short | None = None


def _small_metadata(given: MetadataIn) -> MetadataIn:
    in_bytes(plain(given.model_dump(exclude_unset=True)), MAX_METADATA_BYTES)
    return given


Metadata = Annotated[MetadataIn, AfterValidator(_small_metadata)]
