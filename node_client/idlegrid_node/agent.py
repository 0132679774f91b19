"""The node as a whole: who runs, who is asked, what follows from what.

Threads: the heart, one open poll, one per attempt, and for the owner one that answers the verbs, one that keeps the
pause, and with an owner to look out for one that watches.
The attempts and the ladder are the crew's, behind its lock; no lock is held across a call.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from idlegrid.errors import IdlegridError
from idlegrid_node import bulletin, machine
from idlegrid_node.checkpoints import CheckpointStore
from idlegrid_node.control import Control
from idlegrid_node.crew import Crew
from idlegrid_node.delivery import Delivery
from idlegrid_node.desk import Contact, Desk, Parts
from idlegrid_node.heart import Heart
from idlegrid_node.ladder import Position, State
from idlegrid_node.link import ANSWER_SECONDS, Link
from idlegrid_node.outcome import last_line
from idlegrid_node.pause import PauseKeeper
from idlegrid_node.poller import Poller
from idlegrid_node.probes.reading import Reading
from idlegrid_node.pushed import PushedPolicy
from idlegrid_node.ran import UNREPORTED, Ran
from idlegrid_node.reclaimer import Reclaimer
from idlegrid_node.reclaims import Reclaims
from idlegrid_node.runner import Report, Runner, Workshop, returned
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.floor import HostFloor, default_reserve_mb
from idlegrid_node.sandbox.limits import Host
from idlegrid_node.sandbox.pool import Pool
from idlegrid_node.sandbox.selftest import Standing, no_lower
from idlegrid_node.settings import Settings, last_joined, note_joined
from idlegrid_node.slots import Room, offer
from idlegrid_node.taskfiles import Cache, TaskFiles
from idlegrid_node.watch import OwnerWatch
from idlegrid_node.wire import Answer, Lease, Order

log = structlog.get_logger()
CHATTER_SECONDS = 0.5
"""New output and new attempts are told within this; most runs are over by then and need no heartbeat."""
RETEST_SECONDS = 60.0
"""How often a node without a sandbox looks whether it has one now."""
UNREGISTERED = "the operator has unregistered this machine: it takes no more work until idlegrid node is started anew"
LEAVE_SECONDS = 2.5
LAST_WORD_SECONDS = 1.0
"""With LEAVE_SECONDS: a leaving node is gone within 5 s, whatever the coordinator does."""


class Agent:
    """A node between `start` and `leave`; `choose` looks for a sandbox that works."""

    def __init__(self, settings: Settings, link: Link, choose: Callable[[], Standing]) -> None:
        self._settings = settings
        self._link = link
        self._choose = choose
        self._standing = Standing(None, reason="not tested yet")
        self._tested_at = 0.0
        self._level = 0
        self._server_id = last_joined(settings.folder)
        self._leaving = False
        self._joining = True
        self._pushed = PushedPolicy(settings)
        self._crew = Crew(settings.policy, _offered(settings), self._moved)
        self._delivery = Delivery(link, settings.folder / "spool")
        self._testing = threading.Lock()
        self._workshop = _workshop(settings, link, self._sandbox_broke)
        self._heart = Heart(self._beat)
        self._told = bulletin.Told()
        self._reclaims = Reclaims()
        self._reclaimer = Reclaimer(self._crew, self._reclaims, self._heart.soon)
        self._poller = Poller(link, self._crew.room, self._take, self._heart.soon)
        self._polling = False
        self._watch = self._owner_watch()
        self._ran = Ran(settings.folder)
        self._contact = Contact(settings.server)
        self._pause = PauseKeeper(settings.folder, lambda paused: self._crew.pause(paused=paused))
        self._control = Control(settings.folder, self._desk().answer)

    def start(self) -> None:
        """Test the sandbox, join, and take work from then on."""
        for folder in (self._workshop.folder, self._workshop.checkpoints.folder):
            self._delivery.sweep(folder)
        self._workshop.pool.start()
        # In this order: an owner who finds nobody to ask writes the pause down before it is read.
        self._control.start()
        self._pause.start()
        self._reclaimer.start()
        self._test_sandbox()
        if self._watch is not None:
            self._watch.start()
        self._heart.start()

    def leave(self) -> None:
        """Give back what is held and say good-bye."""
        self._leaving = True
        self._control.close()
        self._pause.close()
        self._poller.close()
        self._heart.close()
        if self._watch is not None:
            self._watch.close()
        if not self._crew.leave(LEAVE_SECONDS):
            log.warning("left_behind", action="shutdown", held=len(self._crew.runners()))
        self._reclaimer.close()
        self._workshop.pool.close()
        try:
            goodbye = {"status": "offline", "reason": "shutdown", "attempts": []}
            self._link.heartbeat(goodbye, timeout=LAST_WORD_SECONDS)
        except IdlegridError as error:
            log.warning("no_goodbye", action="shutdown", reason=str(error))

    def _owner_watch(self) -> OwnerWatch | None:
        policy, crew = self._settings.policy, self._crew
        return OwnerWatch(policy, crew.cpu_seconds, crew.saw, crew.working, crew.quiet_in_s) if policy.watches else None

    def _desk(self) -> Desk:
        watch = self._watch
        readings = watch.readings if watch is not None else dict[str, Reading]
        parts = (self._settings, self._crew, self._pause, self._ran, self._contact, self._reclaims)
        return Desk(Parts(*parts, lambda: self._standing, readings))

    def _beat(self) -> float:
        """Send one heartbeat and do what its answer says; returns the seconds until the next is due."""
        if self._standing.backend is None and time.monotonic() - self._tested_at >= RETEST_SECONDS:
            self._test_sandbox()
        runners = self._crew.runners()
        kept = self._delivery.kept(self._server_id)
        said = bulletin.body(self._settings, self._crew, self._standing, kept, joins=self._joining)
        said |= self._told.news(utc_offset=machine.utc_offset(), policy=self._pushed.as_json())
        said |= {"reclaims": untold} if (untold := self._reclaims.untold()) else {}
        with self._contact.noting():
            answer = self._link.heartbeat(said)
        self._joining = False
        bulletin.acknowledge(runners, said["attempts"])
        self._told.heard(answer.server_id)
        self._reclaims.told(said.get("reclaims", ()))
        self._joined(answer.server_id)
        self._delivery.catch_up(answer.server_id)
        self._obey(answer.orders)
        self._adopt(answer.policy)
        if not self._polling and not self._crew.unregistered:
            self._polling = True
            self._poller.start()
        return answer.heartbeat_seconds

    def _joined(self, server_id: str) -> None:
        if server_id != self._server_id:
            log.info("joined", action="join", server_id=server_id, node_id=self._link.node_id)
            self._server_id = server_id
            note_joined(self._settings.folder, server_id)

    def _adopt(self, wanted: Mapping[str, Any]) -> None:
        """Follow what the operator wants of the policy, and say what became of it."""
        if self._pushed.take(wanted):
            self._crew.adopt(self._pushed.policy)
            if self._watch is not None:
                self._watch.adopt(self._pushed.policy)
        if self._told.lacks("policy", self._pushed.as_json()):
            self._heart.soon(CHATTER_SECONDS)

    def _take(self, answer: Answer) -> None:
        """Start the attempts of an answer and carry out its orders."""
        for lease in answer.leases:
            self._start(lease, answer.server_id or self._server_id)
        self._obey(answer.orders)

    def _start(self, lease: Lease, server_id: str) -> None:
        backend = self._standing.backend if lease.task_type in self._settings.task_types else None
        runner = backend and self._crew.admit(lease.lease_id, lambda: self._runner(lease, server_id, backend))
        if runner:
            threading.Thread(target=self._work, args=(runner,), name=f"run-{lease.run[:8]}", daemon=True).start()
            self._heart.soon(CHATTER_SECONDS)
            if self._watch is not None:
                self._watch.now()
        elif not self._crew.holds(lease.lease_id):
            threading.Thread(target=self._give_back, args=(lease, server_id), daemon=True).start()

    def _runner(self, lease: Lease, server_id: str, backend: Backend) -> Runner:
        heart = self._heart
        return Runner(
            lease,
            server_id,
            self._workshop,
            backend,
            chatter=lambda: heart.soon(CHATTER_SECONDS),
            changed=self._stood,
        )

    def _stood(self, frozen: bool) -> None:
        log.info("run_frozen" if frozen else "run_thawed", action="run")
        self._crew.stood()
        self._reclaimer.now()
        self._heart.soon()

    def _work(self, runner: Runner) -> None:
        """Run one attempt to its end, in its own thread (see `sandbox.launch`)."""
        try:
            with _about(runner.lease):
                log.info("run_started", action="run", number=runner.lease.number)
                self._ran.began(runner.lease)
                answer = self._follow(runner)
            if answer is not None:
                self._take(answer)
        finally:
            # Whatever went wrong, its room must not be lost: without a report its lease runs out.
            self._crew.forget(runner)
            self._poller.update()
            runner.close()

    def _follow(self, runner: Runner) -> Answer | None:
        report = None
        try:
            report = runner.run()
            if report is not None and report["reason"] == "sandbox_failed" and not self._leaving:
                report = self._after_failure(report)
        finally:
            self._crew.ended(runner, evicted=report is not None and report["outcome"] == "evicted")
            self._note_end(runner, report)
        return None if report is None else self._tell(report, runner)

    def _note_end(self, runner: Runner, report: Report | None) -> None:
        said = report or {"outcome": UNREPORTED, "reason": "", "usage": runner.usage()}
        self._ran.ended(runner.lease, said["outcome"], said["reason"], said["usage"])

    def _after_failure(self, report: Report) -> Report:
        """Look at the sandbox before anything is asked for: a node that has none hands the attempt back."""
        self._test_sandbox()
        never_begun = report["sandbox"] == 0 and self._standing.backend is None
        return {**report, "outcome": "returned"} if never_begun else report

    def _tell(self, report: Report, runner: Runner) -> Answer | None:
        log.info(
            "run_ended",
            action="run",
            outcome=report["outcome"],
            reason=report["reason"],
            error=last_line(report["error"]),
        )
        room = self._crew.share(runner)
        answer = self._delivery.send(report, runner.server_id, room if room.slots else None, self._patience())
        if answer is None:
            self._heart.soon()
        return answer

    def _give_back(self, lease: Lease, server_id: str) -> None:
        taken = lease.task_type in self._settings.task_types
        report = returned(lease, self._crew.position.reason if taken else "task_type")
        with _about(lease):
            log.info("run_returned", action="run", reason=report["reason"])
            self._delivery.send(report, server_id, None, self._patience())

    def _patience(self) -> float:
        return LAST_WORD_SECONDS if self._leaving else ANSWER_SECONDS

    def _obey(self, orders: tuple[Order, ...]) -> None:
        for order in orders:
            match order.kind:
                case "stop":
                    self._crew.stop(order.lease_id, order.reason or "cancelled")
                case "drain" | "resume":
                    self._crew.drain(draining=order.kind == "drain")
                case "leave":
                    self._unregister()
                case _:
                    log.warning("unknown_order", action="order", kind=order.kind)
        if any(order.kind != "leave" for order in orders):
            self._heart.soon(CHATTER_SECONDS)

    def _unregister(self) -> None:
        """Work for this coordinator no more, but live on: who has started us would only start us again."""
        if self._crew.unregister():
            self._poller.close()
            log.warning("unregistered", action="order", message=UNREGISTERED)

    def _moved(self, before: Position, after: Position) -> None:
        self._workshop.pool.allow(filling=after.state in {State.IDLE, State.RUNNING})
        if {before.state, after.state} == {State.IDLE, State.RUNNING}:
            # Each run does this. Its own steps tell of it; anything more would stand in its way.
            self._heart.soon(CHATTER_SECONDS)
            return
        sign = {"signal": after.signal, "age_s": round(after.age_s, 1)} if after.signal else {}
        sign |= {"why": after.why} if after.why else {}
        log.info("state", action="ladder", state=after.state, reason=after.reason, was=before.state, **sign)
        self._reclaimer.now()
        self._heart.soon()
        self._poller.update()

    def _sandbox_broke(self, reason: str) -> None:
        """A waiting sandbox could not be had: find out, and say so, before a run does."""
        if not self._leaving:
            self._test_sandbox()

    def _test_sandbox(self) -> None:
        with self._testing:
            self._tested_at = time.monotonic()
            self._standing = no_lower(self._choose(), self._level)
            if self._standing.backend is not None:
                self._level = self._standing.backend.level
            standing = self._standing.as_json()
            log.info("sandbox", action="selftest", **standing)
            self._workshop.pool.use(self._standing.backend)
            self._crew.sandbox(works=self._standing.backend is not None)


def _about(lease: Lease) -> AbstractContextManager[None]:
    """What this thread logs is about an attempt."""
    return bound_contextvars(run=lease.run, lease_id=lease.lease_id, trace_id=lease.trace_id or None)


def _workshop(settings: Settings, link: Link, failed: Callable[[str], None]) -> Workshop:
    policy = settings.policy
    reserve = policy.memory_floor_mb or default_reserve_mb(machine.memory_mb())
    host = Host(HostFloor(reserve), Placement())
    task_files = TaskFiles(link, Cache(settings.folder / "task_files"))
    pool = Pool(policy.warm_sandboxes, failed)
    checkpoints = CheckpointStore(link, settings.folder / "checkpoints")
    return Workshop(pool, host, settings.folder / "files", task_files, checkpoints, policy.network)


def _offered(settings: Settings) -> Room:
    policy = settings.policy
    return offer(
        machine.cores(),
        machine.memory_mb(),
        spare_cores=policy.spare_cores,
        memory_pct=policy.memory_pct,
        slots=settings.slots,
    )
