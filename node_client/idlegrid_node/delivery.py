"""Getting reports to the coordinator they belong to: at once, else from the spool."""

import shutil
import threading
from pathlib import Path

import structlog

from idlegrid.errors import Conflict, IdlegridError, InvalidRequest, NotFound
from idlegrid_node.link import Link
from idlegrid_node.runner import Report
from idlegrid_node.slots import Room
from idlegrid_node.spool import BATCH_BYTES, Spool
from idlegrid_node.wire import Answer

log = structlog.get_logger()
OURS = {"files", "checkpoint"}
"""What of a report the coordinator gets by other calls, before it."""
CUT_CHARACTERS = 16 * 1024
"""What is left of a result when the coordinator refuses the whole as too large."""


class Delivery:
    """Sends reports; one that cannot be sent is kept on disk and sent by `catch_up`. Safe between threads.

    On a disk that is full it is kept in memory: a result is lost then only if the node ends before it is delivered.
    """

    def __init__(self, link: Link, folder: Path) -> None:
        self._link = link
        self._folder = folder
        self._unwritten: dict[str, tuple[str, Report]] = {}
        self._lock = threading.Lock()

    def send(self, report: Report, server_id: str, room: Room | None, timeout: float) -> Answer | None:
        """Deliver a report and ask for work that fits `room`; None when it had to be kept instead."""
        try:
            answer = self._deliver([report], room, timeout)
        except IdlegridError as error:
            log.warning("report_kept", action="spool", run=report["run"], reason=str(error))
            self._keep(report, server_id)
            return None
        _note_conflicts(answer)
        return answer

    def catch_up(self, server_id: str) -> bool:
        """Send what was kept for this coordinator; True when nothing is left. Raises as `Link.report`."""
        with self._lock:
            spool = self._spool(server_id)
            while reports := spool.waiting() or self._in_memory(server_id)[:1]:
                answer = self._deliver(reports, None, 30.0)
                _note_conflicts(answer)
                for report in reports:
                    if self._unwritten.pop(report["lease_id"], None) is None:
                        spool.remove(report)
                log.info("reports_delivered", action="spool", count=len(reports))
        return True

    def sweep(self, folder: Path) -> None:
        """Remove from `folder` the files of attempts whose report is not kept: a node was killed before it wrote it."""
        owed = {report["lease_id"] for spool in self._spools() for report in spool.waiting(10_000, 2**40)}
        for left in folder.iterdir() if folder.is_dir() else ():
            if left.name not in owed:
                shutil.rmtree(left, ignore_errors=True)

    def kept(self, server_id: str) -> list[Report]:
        """Return the reports that still wait for this coordinator."""
        if not server_id:
            return []
        return self._spool(server_id).waiting(1000, 64 * BATCH_BYTES) + self._in_memory(server_id)

    def _keep(self, report: Report, server_id: str) -> None:
        try:
            self._spool(server_id).keep(report)
        except OSError as error:
            self._unwritten[report["lease_id"]] = (server_id, report)
            log.warning("report_not_on_disk", action="spool", run=report["run"], reason=str(error))

    def _in_memory(self, server_id: str) -> list[Report]:
        return [report for owner, report in list(self._unwritten.values()) if owner == server_id]

    def _spool(self, server_id: str) -> Spool:
        return Spool(self._folder, server_id)

    def _spools(self) -> list[Spool]:
        return [self._spool(entry.name) for entry in self._folder.iterdir()] if self._folder.is_dir() else []

    def _deliver(self, reports: list[Report], room: Room | None, timeout: float) -> Answer:
        for report in reports:
            self._put_checkpoint(report)
            self._upload(report)
        wired = [{name: value for name, value in report.items() if name not in OURS} for report in reports]
        try:
            answer = self._link.report(wired, room, timeout)
        except InvalidRequest as error:
            # Refused for good: too large, most likely. A result cut short is worth more than none.
            log.warning("report_refused", action="report", runs=[r["run"] for r in reports], reason=str(error))
            answer = self._link.report([_cut(report) for report in wired], room, timeout)
        for report in reports:
            _remove_files(report)
        return answer

    def _put_checkpoint(self, report: Report) -> None:
        """Send what the attempt keeps for the next one; what the coordinator refuses, or is gone, is dropped."""
        path = report.get("checkpoint")
        try:
            if path is not None:
                self._link.put_checkpoint(report["run"], report["lease_id"], Path(path))
        except (Conflict, InvalidRequest, NotFound, OSError) as error:
            log.warning("checkpoint_refused", action="checkpoint", run=report["run"], reason=str(error))

    def _upload(self, report: Report) -> None:
        """Send a report's files; what the coordinator refuses, or is not here any more, is dropped."""
        for file in report.get("files") or ():
            try:
                self._link.upload(report, file["name"], Path(file["path"]).read_bytes())
            except Conflict as error:
                log.warning("files_refused", action="upload", run=report["run"], reason=str(error))
                return
            except (InvalidRequest, NotFound, FileNotFoundError) as error:
                log.warning("file_refused", action="upload", run=report["run"], file=file["name"], reason=str(error))


def _remove_files(report: Report) -> None:
    paths = [file["path"] for file in report.get("files") or ()] + [report.get("checkpoint")]
    for folder in {Path(path).parent for path in paths if path is not None}:
        shutil.rmtree(folder, ignore_errors=True)


def _cut(report: Report) -> Report:
    result = report.get("result") or ""
    return {
        **report,
        "logs": [],
        "usage_points": [],
        "result": result[:CUT_CHARACTERS],
        "error": (report.get("error") or "")[-CUT_CHARACTERS:] or None,
        "truncated": bool(report.get("truncated")) or len(result) > CUT_CHARACTERS,
    }


def _note_conflicts(answer: Answer) -> None:
    for result in answer.results:
        if result.get("status") == "conflict":
            log.warning("report_conflict", action="report", run=result.get("run"), reason=result.get("detail"))
