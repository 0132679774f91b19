"""Every error the coordinator raises on purpose.

```
GridError
├── InputError            the caller's words are wrong
│   ├── MissingInput      something required is absent, empty, over-long or not readable at all
│   ├── InvalidInput      present, but of the wrong type or out of range
│   └── TooLarge          more than is taken
├── NotFound              no such run, node or resource
│   └── OutOfReach        there is, but not for this caller, who is not told so
├── Conflict              the request contradicts what the record says
│   ├── StaleReport       the lease is gone, or another result is already recorded
│   └── IllegalTransition the run's state does not allow this event
├── AccessError
│   ├── NotAuthenticated  no key, or one that is not valid
│   ├── NotAuthorized     the key may not do this
│   └── TooManyRequests   not so soon
└── Unavailable           a part the grid needs does not answer
    ├── RecordUnavailable the database
    └── QueueUnavailable  Redis
```
Dialects translate these to their wire; nothing else crosses a seam.
"""


class GridError(Exception):
    """Something went wrong that has a name; the message says what to do."""


class InputError(GridError):
    """The caller's words are wrong."""


class MissingInput(InputError):
    """Something required is absent, empty, over-long or not readable."""


class InvalidInput(InputError):
    """A value has the wrong type or is out of range; `field`, `rule` and `value` say which, when one is at fault."""

    def __init__(self, message: str, *, field: str = "", rule: str = "", value: object = None) -> None:
        super().__init__(message)
        self.field, self.rule, self.value = field, rule, value


class TooLarge(InputError):
    """More than is taken; the message names the limit."""


class NotFound(GridError):
    """No such thing in the record."""


class OutOfReach(NotFound):
    """A run of somebody else; said in the words for one that is not there."""


class Conflict(GridError):
    """The request contradicts what the record says."""


class StaleReport(Conflict):
    """The report's lease is gone, or a different result is already recorded; nothing was changed."""


class IllegalTransition(Conflict):
    """The run's state does not allow this event."""


class AccessError(GridError):
    """The caller may not do this."""


class NotAuthenticated(AccessError):
    """No key was given, or it is not a valid one."""


class NotAuthorized(AccessError):
    """The key is valid but its scopes do not allow this."""


class TooManyRequests(AccessError):
    """More than a limit allows; again after `retry_after` whole seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(GridError):
    """A part that the grid needs does not answer; try again."""


class RecordUnavailable(Unavailable):
    """The database does not answer."""


class QueueUnavailable(Unavailable):
    """Redis does not answer; nothing acknowledged is lost."""
