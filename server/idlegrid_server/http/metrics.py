"""The coordinator's figures as Prometheus reads them: made anew for each scrape, from what is counted anyway."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from idlegrid_server.core.batch import DURATIONS
from idlegrid_server.core.matching import parse_queue
from idlegrid_server.core.model import NodeState, Priority
from idlegrid_server.core.node_queries import NodeCounts
from idlegrid_server.core.ports import QueueDepth
from idlegrid_server.core.queries import Totals
from idlegrid_server.core.reclaims import COUNTER, ReclaimFigures
from idlegrid_server.http.traffic import Latencies

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Prometheus' text format, which every version of it reads."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a scrape shows; `depths` is None while Redis is away, and its series are absent then."""

    totals: Totals
    nodes: NodeCounts
    reclaims: ReclaimFigures
    depths: Sequence[QueueDepth] | None
    latencies: Mapping[tuple[str, str], Latencies]


def metrics_text(figures: Figures) -> bytes:
    """All of it in Prometheus' text format."""
    return generate_latest(_Collector(figures))


class _Collector:
    """`prometheus_client`'s way to make metrics when they are asked for."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        yield from _documented(self._figures)
        yield from _runs(self._figures.totals)
        yield from _nodes(self._figures)
        yield from _reclaims(self._figures.reclaims)
        if self._figures.depths is not None:
            yield _depths(self._figures.depths)
        yield _latencies(self._figures.latencies)


def tasks_of(totals: Totals) -> dict[str, int]:
    """How many tasks there are by status."""
    names = ("active", "paused", "completed", "failed")
    return {name: int(totals.counted.get(f"tasks:{name}", 0)) for name in names}


def _documented(figures: Figures) -> Iterator[Metric]:
    """The four that the task API's document names, as it names them."""
    tasks = tasks_of(figures.totals)
    yield GaugeMetricFamily("scheduler_tasks_total", "Total number of tasks", sum(tasks.values()))
    yield GaugeMetricFamily("scheduler_tasks_active", "Number of active tasks", tasks["active"])
    yield GaugeMetricFamily("scheduler_workers_total", "Total number of workers", figures.nodes.total)
    yield _durations(figures.totals)


def _durations(totals: Totals) -> Metric:
    name, words = "scheduler_task_execution_duration_seconds", "Task execution duration"
    buckets: list[tuple[str, float]] = []
    count = 0.0
    for bound in (*DURATIONS, float("inf")):
        count += totals.counted.get(f"duration:{bound:g}", 0)
        buckets.append((_le(bound), count))
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=totals.completed_seconds)


def _le(bound: float) -> str:
    """An upper bound as Prometheus writes it."""
    return "+Inf" if math.isinf(bound) else repr(float(bound))


def _runs(totals: Totals) -> Iterator[Metric]:
    runs = GaugeMetricFamily("scheduler_runs", "Runs in the record by state", labels=["state"])
    for state, count in totals.by_state.items():
        runs.add_metric([state], count)
    yield runs
    yield GaugeMetricFamily("scheduler_leases_running", "Runs that are leased to a node", totals.of("running"))
    for name, counter, words in (
        ("scheduler_evictions", "evictions", "Attempts that ended because a node's owner came back"),
        ("scheduler_attempts_lost", "losses", "Attempts that were lost with their node or crashed there"),
        ("scheduler_reclaims", COUNTER, "Times that an owner took a machine back while runs were held"),
        ("scheduler_nodes_lost", "nodes_lost", "Times that nothing was heard of a node until it counted as lost"),
    ):
        yield CounterMetricFamily(name, words, totals.counted.get(counter, 0))


def _nodes(figures: Figures) -> Iterator[Metric]:
    states = GaugeMetricFamily("scheduler_nodes", "Nodes by state", labels=["state"])
    for state in NodeState:
        states.add_metric([state.value], figures.nodes.by_state.get(state.value, 0))
    yield states
    statuses = GaugeMetricFamily("scheduler_workers", "Workers by status", labels=["status"])
    for status in ("active", "draining", "offline"):
        statuses.add_metric([status], figures.nodes.by_status.get(status, 0))
    yield statuses


def _reclaims(of: ReclaimFigures) -> Iterator[Metric]:
    """Summaries, for no other kind may have quantiles; without sum and count, for they are of the latest reclaims."""
    words = "Of the latest reclaims, from the owner's return until"
    yield _quantiles("scheduler_reclaim_frozen_seconds", f"{words} every run stood", of.frozen_p50, of.frozen_p99)
    yield _quantiles("scheduler_reclaim_memory_seconds", f"{words} their memory was free", of.memory_p50, of.memory_p99)


def _quantiles(name: str, words: str, half: float | None, most: float | None) -> Metric:
    family = Metric(name, words, "summary")
    for quantile, seconds in (("0.5", half), ("0.99", most)):
        if seconds is not None:
            family.add_sample(name, {"quantile": quantile}, seconds)
    return family


def _depths(depths: Sequence[QueueDepth]) -> Metric:
    waiting = dict.fromkeys(Priority, 0)
    for depth in depths:
        waiting[parse_queue(depth.queue).priority] += depth.pending
    family = GaugeMetricFamily("scheduler_queue_depth", "Runs that wait in the queue by priority", labels=["priority"])
    for priority, count in waiting.items():
        family.add_metric([priority.name.lower()], count)
    return family


def _latencies(latencies: Mapping[tuple[str, str], Latencies]) -> Metric:
    words = "Time to answer a request, without long polls"
    family = HistogramMetricFamily("scheduler_http_request_duration_seconds", words, labels=["api", "method"])
    for (api, method), known in sorted(latencies.items()):
        buckets = [(_le(bound), float(count)) for bound, count in known.cumulative()]
        family.add_metric([api, method], buckets, known.seconds)
    return family
