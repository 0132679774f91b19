"""What the node offers, what its attempts take of it, and what is left. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """Slots (attempts at a time), cores and memory in MB."""

    slots: int
    cpu: float
    memory_mb: int


class Slots:
    """Accounts for attempts by their lease ids.

    The coordinator decides by what it was told is free; two answers may cross on the way. So taking more
    than there is is accepted here, and what is free is then simply none.
    """

    def __init__(self, offered: Room) -> None:
        self.offered = offered
        self._taken: dict[str, Room] = {}

    def take(self, lease_id: str, cpu: float, memory_mb: int) -> bool:
        """Account for an attempt; False when it is accounted for already."""
        if lease_id in self._taken:
            return False
        self._taken[lease_id] = Room(1, cpu, memory_mb)
        return True

    def release(self, lease_id: str) -> None:
        """Give back what an attempt took; unknown ones are no error."""
        self._taken.pop(lease_id, None)

    @property
    def free(self) -> Room:
        """What may be asked for now."""
        taken = self._taken.values()
        return Room(
            max(0, self.offered.slots - len(self._taken)),
            max(0.0, round(self.offered.cpu - sum(room.cpu for room in taken), 3)),
            max(0, self.offered.memory_mb - sum(room.memory_mb for room in taken)),
        )


def offer(cores: int, memory_mb: int, *, spare_cores: int, memory_pct: float, slots: int | None = None) -> Room:
    """Return what a machine offers under a policy: at least one core; a slot per core unless told."""
    offered = max(1, cores - spare_cores)
    return Room(slots or offered, float(offered), int(memory_mb * memory_pct / 100))
