"""A small coordinator for the console's own tests: it answers in the shapes of docs/protocol.md, from memory."""

import hashlib
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

PART = r"/api/(?:runs/|workers/|)(tasks/|)([^/]+)/(explain|files|week|logs|usage|graph)(?:/(.+))?"
ALONE = {"tasks/graph": {"tasks": [], "edges": [], "cut": False}, "tasks/files": {"items": [], "total": 0}}
"""What there is beside a task that stands alone."""

START = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


def run_answer(number, status="completed", **changed):
    """A run as `GET /api/runs/{id}` answers it."""
    began = START + timedelta(minutes=number)
    started = status != "pending"
    ended = status in {"completed", "failed", "aborted"}
    answer = {
        "id": number, "uuid": f"0b9f0000-0000-4000-8000-{number:012d}", "task_id": None, "task_name": None,
        "worker_id": "lab-07-3f2a91c4" if started else None, "worker_hostname": "lab-07" if started else None,
        "status": status, "reason": None, "priority": "normal", "submitter": "ada",
        "started_at": began.isoformat() if started else None,
        "completed_at": (began + timedelta(seconds=2)).isoformat() if ended else None,
        "execution_time": 2.0 if ended else None, "result": f"out of {number}" if status == "completed" else None,
        "error_message": "ZeroDivisionError" if status == "failed" else None,
        "exit_code": {"completed": 0, "failed": 1}.get(status), "retry_count": 0, "attempts": int(started),
        "waiting_for": "No node offers 64 cores; the largest offers 8." if status == "pending" else None,
        "created_at": began.isoformat(), "code": f"print('out of {number}')", "parameters": {},
        "timeout_seconds": 300.0, "resources": {"cpu": 1.0, "memory": 512}, "truncated": False,
        "usage": {"cpu_seconds": 0.02, "wall_seconds": 2.0, "max_memory_mb": 11.0, "processes": 2} if ended else {},
        "min_sandbox": 3, "sandbox": 3 if started else None, "files": 0, "checkpoint": None,
        "attempt_list": [
            {"number": 1, "worker_id": "lab-07-3f2a91c4", "leased_at": began.isoformat(), "ended_at": None,
             "outcome": "completed", "reason": "", "sandbox": 3}
        ] if started else [],
        "events": [{"timestamp": began.isoformat(), "event": "submitted", "detail": "by ada"}],
        "logs": [{"timestamp": began.isoformat(), "level": "info", "message": f"out of {number}\n"}] if started else [],
        "trace_id": f"req_{number:016x}",
    }  # fmt: skip
    return answer | changed


def explain_answer(number, *reasons, **changed):
    """Why the run waits, as `GET /api/runs/{id}/explain` answers; each reason is a code and its details."""
    told = [{"code": code, "message": f"Held back by {code}.", "details": details} for code, details in reasons]
    answer = {
        "run_id": number, "uuid": run_answer(number)["uuid"], "status": "pending",
        "summary": told[0]["message"] if told else "It is next.", "reasons": told, "ahead": 10, "position": 11,
        "may_start_at": None, "nodes": {"known": 2, "able": 1, "by_state": {"busy": 1, "running": 1}},
    }  # fmt: skip
    return answer | changed


def preview_answer(*reasons, known=5, able=3, free=1, **needs):
    """What `POST /api/runs/explain` says of a run that was not made; reasons as for `explain_answer`."""
    asked = {"cpu": 1.0, "memory": 512, "task_type": "python", "requires": [], "min_sandbox": 3, "queue": "q"}
    counts = {"known": known, "able": able, "taking": free, "free": free, "by_state": {"idle": free}}
    return explain_answer(0, *reasons) | {"nodes": counts, "needs": asked | needs}


def node_answer(name, state="idle", reason="owner_away", **changed):
    """A node as `GET /api/workers` lists it."""
    answer = {
        "id": f"{name}-3f2a91c4", "hostname": name, "ip_address": "127.0.0.1", "port": None,
        "task_types": ["python"], "max_concurrent_tasks": 2, "current_task_count": int(state == "running"),
        "status": "offline" if state == "offline" else "active", "state": state, "reason": reason,
        "since": START.isoformat(), "labels": [],
        "sandbox": {
            "level": 3, "backend": "bubblewrap", "version": "0.11.0", "kernel": "6.1.0", "metering": "watcher",
            "reason": "the node was not started as root", "remedy": "sudo idlegrid node",
            "tested_at": START.timestamp(), "passed": 24, "checks": 24,
        },
        "cpu_cores": 8, "memory_mb": 16384, "cpu_usage": 15.5, "memory_usage": 4096, "load_average": 0.4,
        "version": "1.0.0", "python": "3.11", "profile": "desktop",
        "last_heartbeat": datetime.now(UTC).isoformat(), "registered_at": START.isoformat(),
    }  # fmt: skip
    return answer | changed


def owner_answer(**changed):
    """What `GET /api/workers/{id}` answers of a node's owner, beside what lists have."""
    answer = {
        "policy": {"values": {"start_after_s": 300.0, "stop_on_battery": True}, "pushed": {}, "refused": ""},
        "reclaims": {
            "count": 3, "frozen_p50": 0.25, "frozen_p99": 0.75, "memory_p50": None, "memory_p99": None,
            "since": START.isoformat(),
        },
    }  # fmt: skip
    return answer | changed


def week_answer(busy=(), known=0, until=None, utc_offset=0):
    """A week as `GET /api/workers/{id}/week` answers it: so many hours known, those in `busy` the owner's."""
    hours = [
        {"hour": hour, "idle": (0.0 if hour in busy else 1.0) if hour < known else None, "seen_seconds": 9000.0}
        for hour in range(168)
    ]
    seconds = None if until is None else (until - datetime.now(UTC)).total_seconds()
    window = {"until": until and until.isoformat(), "seconds": seconds}
    return {"worker_id": "lab-01-3f2a91c4", "utc_offset": utc_offset, "hours": hours, "window": window}


def task_answer(number, name="nightly", **changed):
    """A task as `GET /api/tasks/{id}` answers it."""
    due = [(START + timedelta(days=day)).isoformat() for day in range(5)]
    answer = {
        "id": number, "name": name, "description": "", "task_type": "python", "executor": "python",
        "command": "python", "arguments": [], "schedule": "0 10 * * *", "interval_seconds": None, "timezone": "UTC",
        "priority": "normal", "retry_count": 3, "timeout_seconds": 3600, "status": "active",
        "created_at": START.isoformat(), "updated_at": START.isoformat(), "last_run_at": START.isoformat(),
        "next_run_at": due[0], "dependencies": [], "tags": [], "metadata": {}, "requires": [],
        "resources": {"cpu": 1, "memory": 512}, "min_sandbox": None, "max_instances": 1, "job_type": None,
        "job_category": None, "parameters": {}, "submitter": "ada", "has_code": True, "last_status": "completed",
        "code": "print(1)", "files": 0, "next_firings": due,
        "statistics": {"total_runs": 4, "successful_runs": 3, "failed_runs": 1, "average_execution_time": 30.5,
                       "last_execution_status": "success"},
    }  # fmt: skip
    return answer | changed


class StandIn:
    """The coordinator: `runs`, their `files`, `tasks` and `nodes` are what it knows, `submitted` what it was sent,
    `refusal` what is wrong with the next task it is sent, `key` what it demands, `lacking` the scope that is missing
    for a path, `scopes` what a key has. `extra` are answers of further paths, by path or by (method, path): data, or a
    function from the query or the body to data, or a (status, payload); `acts` are the requests that these answered but
    GETs, as (method, path, body).
    """

    def __init__(self):
        self.runs, self.nodes, self.submitted, self.key = {}, [], [], None
        self.tasks, self.refusal = {}, None
        self.lacking = {}
        self.explained = {}
        self.extra = {}
        self.acts = []
        self.scopes = ["admin"]
        self.weeks = {}
        self.files = {}
        self.asked = []
        self._port = 0
        self.start()

    def start(self):
        """Listen, on the same port as before."""
        handler = type("Handler", (_Handler,), {"grid": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        """Be away: connections are refused."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def count(self, *statuses):
        return sum(run["status"] in statuses for run in self.runs.values())


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        path, query = urlparse(self.path).path, {k: v[0] for k, v in parse_qs(urlparse(self.path).query).items()}
        self.grid.asked.append(path)
        if self.grid.key and self.headers.get("Authorization") != f"Bearer {self.grid.key}":
            return self._send(401, {"detail": "This grid wants a key"})
        if path in self.grid.lacking:
            words = f"This key may not do that: it lacks the scope {self.grid.lacking[path]}"
            return self._send(403, {"success": False, "error": {"code": "AUTHORIZATION_ERROR", "message": words}})
        if path in self.grid.extra:
            return self._extra(self.grid.extra[path], query)
        plain = {"/stats": self._stats, "/health": lambda: {"status": "healthy"}}
        if path in plain:
            return self._send(200, plain[path]())
        lists = {"/api/runs": self._runs, "/api/tasks": self._tasks, "/api/workers": lambda _: self.grid.nodes}
        if path in lists:
            return self._wrapped(self._page(lists[path](query), query))
        alone = {"/api/auth/me": self._me, "/api/system/timeline": self._timeline}
        if path in alone:
            return self._wrapped(alone[path](query))
        if found := re.fullmatch(r"/api/(run|task|worker)s/([^/]+)", path):
            return self._one(found[1], unquote(found[2]))
        if found := re.fullmatch(PART, path):
            return self._part_of(unquote(found[2]), found[1] + found[3], found[4] or query)
        return self._send(404, {"detail": "Not Found"})

    def _part_of(self, which, what, name):
        if what in ALONE:
            return self._wrapped(ALONE[what])
        if what == "week":
            return self._wrapped(self.grid.weeks.get(which) or week_answer())
        number = int(which)
        if what == "explain":
            return self._wrapped(self.grid.explained.get(number) or explain_answer(number, ("no_node", {})))
        if what == "usage":
            return self._wrapped({"run_id": number, "attempts": []})
        return (
            self._logs(number, name) if what == "logs" else self._files(self.grid.files.get(number, {}), name or None)
        )

    def _logs(self, number, query):
        """Each piece of a run's log has its place in it as its id."""
        run = self.grid.runs[number]
        pieces = [
            {"id": place, "timestamp": piece["timestamp"], "text": piece["message"],
             "stream": {"info": "stdout", "error": "stderr"}[piece["level"]]}
            for place, piece in enumerate(run["logs"])
            if place > int(query.get("after", -1))
        ]  # fmt: skip
        shown = pieces[-int(query["tail"]) :] if "tail" in query else pieces[: int(query.get("limit", 1000))]
        return self._wrapped({"items": shown, "last": shown[-1]["id"] if shown else -1, "finished": run["status"] in
                              {"completed", "failed", "aborted"}})  # fmt: skip

    def _files(self, files, name):
        if files is None:
            return self._send(503, {"detail": "No files just now"})
        if name is not None:
            return self._bytes(200, files[unquote(name)], "application/octet-stream")
        items = [
            {"name": name, "size": len(content), "media_type": "text/html", "created_at": START.isoformat(),
             "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        ]  # fmt: skip
        return self._wrapped({"items": items, "total": len(items)})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        if self._acts("POST", body):
            return None
        if self.path == "/submit":
            if not body["code"].strip():
                return self._send(422, {"detail": "Code cannot be empty"})
            number = max(self.grid.runs, default=0) + 1
            self.grid.submitted.append(body)
            self.grid.runs[number] = run_answer(number, "pending", code=body["code"], waiting_for=None)
            return self._send(200, {"task_id": number, "status": "submitted"})
        if self.path == "/api/runs/explain":
            return self._wrapped(preview_answer())
        if self.path == "/api/tasks":
            return self._keep_task(max(self.grid.tasks, default=0) + 1, body)
        if found := re.fullmatch(r"/api/tasks/(\d+)/(\w+)", self.path):
            return self._act(int(found[1]), found[2], body)
        number = int(re.fullmatch(r"/api/runs/(\d+)/abort", self.path)[1])
        if self.grid.runs[number]["status"] not in {"pending", "running"}:
            return self._send(409, {"error": {"message": "It has ended"}})
        self.grid.runs[number] |= {"status": "aborted", "reason": "cancelled"}
        return self._wrapped({"id": number, "status": "aborted"})

    def do_PUT(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        body = sent if "/files/" in self.path else json.loads(sent)
        if self._acts("PUT", body):
            return None
        if found := re.fullmatch(r"/api/tasks/(\d+)", self.path):
            return self._keep_task(int(found[1]), body)
        node = next(node for node in self.grid.nodes if self.path == f"/api/workers/{node['id']}")
        node |= body
        return self._wrapped(node)

    def do_DELETE(self):
        if self._acts("DELETE", None):
            return
        del self.grid.tasks[int(self.path.rpartition("/")[2])]
        self._wrapped({"message": "gone"})

    def _acts(self, method, body):
        known = self.grid.extra.get((method, self.path))
        if known is not None:
            self.grid.acts.append((method, self.path, body))
            self._extra(known, body)
        return known is not None

    def _extra(self, known, words):
        answer = known(words) if callable(known) else known
        self._send(*answer) if isinstance(answer, tuple) else self._wrapped(answer)

    def _keep_task(self, number, body):
        if self.grid.refusal:
            errors = [{"field": field, "message": message} for field, message in self.grid.refusal.items()]
            return self._refuse(422, "请求参数验证失败", errors=errors)
        self.grid.submitted.append(body)
        self.grid.tasks[number] = self.grid.tasks.get(number, task_answer(number)) | body
        return self._wrapped(self.grid.tasks[number])

    def _act(self, number, act, body):
        if act != "trigger":
            self.grid.tasks[number]["status"] = {"pause": "paused", "resume": "active"}[act]
            return self._wrapped({"id": number})
        run = max(self.grid.runs, default=0) + 1
        self.grid.submitted.append(body)
        self.grid.runs[run] = run_answer(run, "pending", task_id=number, task_name=self.grid.tasks[number]["name"])
        return self._wrapped({"task_id": number, "run_id": run})

    def _refuse(self, status, message, **details):
        self._send(status, {"success": False, "error": {"message": message, "details": details}})

    def _one(self, kind, name):
        if kind == "worker":
            known = next((owner_answer() | node for node in self.grid.nodes if node["id"] == name), None)
        else:
            known = (self.grid.runs if kind == "run" else self.grid.tasks).get(int(name))
        self._wrapped(known) if known else self._refuse(404, f"{kind.title()} {name} not found")

    def _runs(self, query):
        newest_first = sorted(self.grid.runs.values(), key=lambda run: -run["id"])
        kept = [run for run in newest_first if query.get("status") in (None, run["status"])]
        return [run for run in kept if query.get("task_id") in (None, str(run["task_id"]))]

    def _tasks(self, query):
        tasks = [task for task in self.grid.tasks.values() if query.get("status") in (None, task["status"])]
        return [task for task in tasks if query.get("search", "") in task["name"]]

    def _page(self, items, query):
        page, size = int(query.get("page", 1)), int(query.get("size", 20))
        pages = max(1, -(-len(items) // size))
        shown = items[(page - 1) * size : page * size]
        return {"items": shown, "total": len(items), "page": page, "size": size, "total_pages": pages}

    def _stats(self):
        grid = self.grid
        tasks = {"total": len(grid.runs), "completed": grid.count("completed"), "pending": grid.count("pending")}
        return {"tasks": tasks | {"failed": grid.count("failed", "aborted"), "avg_time": 2.0}}

    def _me(self, _query):
        return {"name": "ada", "scopes": self.grid.scopes, "required": self.grid.key is not None}

    def _timeline(self, query):
        buckets, window = int(query["buckets"]), float(query["window"])
        wave = [index % 5 for index in range(buckets)]
        start = datetime.now(UTC) - timedelta(seconds=window)
        return {
            "start": start.isoformat(), "bucket_seconds": window / buckets, "submitted": wave, "completed": wave,
            "failed": [int(index % 11 == 0) for index in range(buckets)], "queue_depth": wave[::-1],
            "run_seconds": [0.05, 0.2, 0.2, 2.0, 2.5, 45.0],
        }  # fmt: skip

    def _wrapped(self, data):
        self._send(200, {"success": True, "data": data, "metadata": {"timestamp": time.time()}})

    def _send(self, status, payload):
        self._bytes(status, json.dumps(payload).encode(), "application/json")

    def _bytes(self, status, body, media_type):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
