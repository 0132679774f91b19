"""Which of the queues that hold something an offer may take from: decided here, for Redis and memory alike. Pure."""

from collections.abc import Iterable, Sequence
from itertools import islice

from idlegrid_server.core.matching import Capability, Offer, fits, parse_queue

_Room = tuple[Capability, float, int, frozenset[str] | None]
Allowed = list[tuple[str, float, int]]
"""Queues with the cores and memory (MB) one of their runs asks for."""


def allowed(offers: Sequence[Offer], queues: Sequence[str], spare: int | None = None) -> list[Allowed]:
    """For each offer the queues it could take a run from, in the order given. Equal nodes are looked at once.

    With `spare`, just that many more than the offer has slots: one of n slots takes from n queues at the most.
    """
    known: dict[tuple[_Room, int | None], Allowed] = {}
    answers: list[Allowed] = []
    for offer in offers:
        most = None if spare is None else offer.slots + spare
        room = (offer.capability, offer.cpu, offer.memory_mb, offer.only)
        if offer.slots > 0 and (room, most) not in known:
            known[room, most] = _allowed(offer, queues, most)
        answers.append(known[room, most] if offer.slots > 0 else [])
    return answers


def _allowed(offer: Offer, queues: Iterable[str], most: int | None) -> Allowed:
    return list(islice(((queue, *_size(queue)) for queue in queues if fits(offer, queue)), most))


def _size(queue: str) -> tuple[float, int]:
    wanted = parse_queue(queue)
    return wanted.cpu, wanted.memory_mb


def is_ours(queue: str) -> bool:
    """Whether a queue's name stands for a requirement class; RQ's set of queues holds others too."""
    try:
        return parse_queue(queue).queue == queue
    except (ValueError, KeyError):
        return False
