"""Who calls, and what that allows. Pure: how a key is shown and looked up is the HTTP side's affair."""

from dataclasses import dataclass
from typing import Final

from idlegrid_server.core.errors import NotAuthorized, NotFound, OutOfReach

ADMIN: Final = "admin"
"""Allows everything."""
JOIN: Final = "join"
"""Allows one thing: to enrol a node, which is given a key of its own."""
READ_RUNS: Final = "read:runs"
"""All runs are in reach, to be seen."""
NODE: Final = "node"
"""The node protocol, and the legacy workers' two endpoints."""

SCOPES: Final = (
    "submit",
    "read:tasks",
    "write:tasks",
    READ_RUNS,
    "write:runs",
    "read:workers",
    "write:workers",
    "read:jobs",
    "read:system",
    "webhooks",
    NODE,
    JOIN,
    ADMIN,
)
"""All that a key can be given. `submit` is for one's own runs: to make, see and cancel them."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an endpoint asks of a caller; an endpoint open to all has none."""

    scope: str
    """Whoever has it may do this with everything; empty means that any valid key will do."""
    own: str = ""
    """Whoever has only this may do it with what he submitted himself."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Keys of one name are one submitter, so a key can be replaced without losing its runs."""

    name: str = ""
    scopes: frozenset[str] = frozenset({ADMIN})
    key_id: int | None = None
    """None where no keys are asked for."""
    node_id: str | None = None
    """The only node that may be spoken for; None is no bound."""

    def may(self, scope: str) -> bool:
        """Whether the key has the scope."""
        return scope in self.scopes or ADMIN in self.scopes

    def confined(self, access: Access | None) -> str | None:
        """The submitter whose runs alone are in reach; None is no bound. Raises NotAuthorized."""
        if access is None or not access.scope or self.may(access.scope):
            return None
        if access.own and self.may(access.own):
            return self.name
        raise NotAuthorized(f"This key may not do that: it lacks the scope {access.scope}")

    def check_run(self, submitter: str | None, within: str | None, missing: str) -> None:
        """Raise OutOfReach for a run of somebody else, with the words `missing`, as NotFound where there is none.

        `submitter` is whose run it is (None: there is none), `within` what `confined` answered. Raises NotAuthorized
        where the run can be seen but not changed.
        """
        if submitter is None:
            raise NotFound(missing)
        if in_reach(submitter, within):
            return
        if self.may(READ_RUNS):
            raise NotAuthorized("This key may do that only with runs of its own: it lacks the scope write:runs")
        raise OutOfReach(missing)

    def check_node(self, node_id: str) -> None:
        """Raise NotAuthorized for a key that was made for another node."""
        if self.node_id is not None and self.node_id != node_id:
            raise NotAuthorized(f"This key was made for the node {self.node_id}: it may not speak for {node_id}")

    def check_legacy(self) -> None:
        """Raise NotAuthorized for a key that was made for one node: a legacy worker has no name to be bound to."""
        if self.node_id is not None:
            raise NotAuthorized(f"This key was made for the node {self.node_id}: it speaks the node protocol alone")


ANYONE: Final = Caller()
"""Who calls where no keys are asked for."""


def in_reach(submitter: str, within: str | None) -> bool:
    """Whether a submitter's run is in reach of who is confined to the runs of `within`; None is no bound."""
    return within is None or submitter == within
