"""The shape of a command."""

from typing import Protocol, TypeVar

from idlegrid_server.core.batch import Batch, Needs

AnswerT = TypeVar("AnswerT", covariant=True)


class Command(Protocol[AnswerT]):
    """One wish of a caller, carried out inside a batch with others."""

    def needs(self) -> Needs:
        """What must be loaded before `apply`."""

    def apply(self, batch: Batch) -> None:
        """Decide and change the batch. Raises a GridError before it has changed anything."""

    def answer(self, batch: Batch) -> AnswerT:
        """What the caller hears once the batch is on disk."""
