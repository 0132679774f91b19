"""Which of several coordinators does what one is enough for."""

from typing import Protocol


class Leadership(Protocol):
    """A claim to be the one coordinator that keeps house, renewed by asking."""

    def holds(self) -> bool:
        """Whether this coordinator leads now. To be asked with every look. Raises RecordUnavailable."""
        ...

    def release(self) -> None:
        """Lead no more, so that another need not wait. Raises RecordUnavailable."""
        ...


class Alone:
    """There is no other coordinator."""

    def holds(self) -> bool:
        """Always."""
        return True

    def release(self) -> None:
        """There is nobody to make way for."""
