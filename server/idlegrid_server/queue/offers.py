"""Which of the queues that hold something an offer may take from: decided here, for Redis and memory alike. Pure."""

from collections.abc import Iterable, Sequence

from idlegrid_server.core.matching import Capability, Offer, fits, parse_queue

_Room = tuple[Capability, float, int, frozenset[str] | None]
Allowed = list[tuple[str, float, int]]
"""Queues with the cores and memory (MB) one of their runs asks for."""


def allowed(offers: Sequence[Offer], queues: Sequence[str]) -> list[Allowed]:
    """For each offer the queues it could take a run from, in the order given. Equal nodes are looked at once."""
    known: dict[_Room, Allowed] = {}
    answers: list[Allowed] = []
    for offer in offers:
        room = (offer.capability, offer.cpu, offer.memory_mb, offer.only)
        if offer.slots > 0 and room not in known:
            known[room] = _allowed(offer, queues)
        answers.append(known[room] if offer.slots > 0 else [])
    return answers


def _allowed(offer: Offer, queues: Iterable[str]) -> Allowed:
    return [(queue, *_size(queue)) for queue in queues if fits(offer, queue)]


def _size(queue: str) -> tuple[float, int]:
    wanted = parse_queue(queue)
    return wanted.cpu, wanted.memory_mb


def is_ours(queue: str) -> bool:
    """Whether a queue's name stands for a requirement class; RQ's set of queues holds others too."""
    try:
        return parse_queue(queue).queue == queue
    except (ValueError, KeyError):
        return False
