"""The parts of a grid as child processes: which programs, with which settings, waiting for what."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from idlegrid_server.up import addresses
from idlegrid_server.up.folder import DataFolder
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options
from idlegrid_server.up.process import ChildSpec
from idlegrid_server.up.stopping import Stage

REDIS = "redis"
"""The condition that Redis answers."""

COORDINATOR = "coordinator"
"""The condition that the coordinator answers."""

FIRST_SLOT_UID = 64000
"""The node's own default, for the first node here."""

PYTHON = (sys.executable, "-m")


def parts(options: Options, folder: DataFolder, redis_url: str, keys: Keys) -> Iterator[ChildSpec]:
    """Every part but Redis, in the order in which they are started."""
    shared = {"IDLEGRID_REDIS_URL": redis_url, "IDLEGRID_DATA": str(folder.path), "PYTHONUNBUFFERED": "1"}
    yield _coordinator(options, folder, shared)
    for name, module in _workers():
        yield ChildSpec(name, [*PYTHON, *module], Stage.WORKERS, shared, frozenset({COORDINATOR}))
    for number in range(1, options.nodes + 1):
        yield _node(number, options, folder, keys)
    if options.console_port is not None:
        yield _console(options, keys)


def dist_folder() -> Path | None:
    """The wheels that spare machines install from: IDLEGRID_DIST_DIR, else what start.py built."""
    given = os.environ.get("IDLEGRID_DIST_DIR")
    folder = Path(given) if given else Path(sys.prefix) / "share" / "idlegrid" / "dist"
    return folder if folder.is_dir() else None


def _coordinator(options: Options, folder: DataFolder, shared: Mapping[str, str]) -> ChildSpec:
    argv = [*PYTHON, "idlegrid", "serve", "--host", options.host, "--port", str(options.port)]
    env = {
        **shared,
        "IDLEGRID_AUTH": "required" if options.shared else "off",
        "IDLEGRID_READY_FILE": str(folder.ready_file),
    }
    if options.certificate is not None:
        env["IDLEGRID_TLS_CERT"] = str(options.certificate.cert)
        env["IDLEGRID_TLS_KEY"] = str(options.certificate.key)
    if wheels := dist_folder():
        env["IDLEGRID_DIST_DIR"] = str(wheels)
    argv += ["--data", str(folder.path)]
    return ChildSpec("coordinator", argv, Stage.COORDINATOR, env, frozenset({REDIS}), essential=True)


def _workers() -> list[tuple[str, list[str]]]:
    workers = "idlegrid_server.queue.workers"
    return [
        ("control", [workers, "control"]),
        ("webhooks", [workers, "webhooks"]),
        ("waker", ["idlegrid_server.queue.waker"]),
    ]


def _node(number: int, options: Options, folder: DataFolder, keys: Keys) -> ChildSpec:
    data = folder.node(number)
    argv = [*PYTHON, "idlegrid", "node", "--server", options.url, "--profile", "always", "--data", str(data)]
    # A key on the command line could be read by every user of this machine.
    env = {**_client(options), "IDLEGRID_API_KEY": keys.node, "IDLEGRID_JOIN": ""}
    # The limit on processes counts by uid: nodes started as root must not share one.
    env["IDLEGRID_NODE_SLOT_UID"] = os.environ.get("IDLEGRID_NODE_SLOT_UID", str(FIRST_SLOT_UID + number - 1))
    return ChildSpec(f"node-{number}", argv, Stage.NODES, env, frozenset({COORDINATOR}))


def _client(options: Options) -> dict[str, str]:
    """The environment of parts that call the coordinator: they believe its own certificate, and no other."""
    if options.certificate is None:
        return {"PYTHONUNBUFFERED": "1"}
    trust = {"IDLEGRID_CA_FILE": str(options.certificate.cert), "IDLEGRID_TLS_NAME": options.tls_name}
    return {"PYTHONUNBUFFERED": "1", **trust}


def _open_to_others(options: Options) -> bool:
    return not addresses.is_loopback(options.host)


def _console(options: Options, keys: Keys) -> ChildSpec:
    argv = [*PYTHON, "idlegrid", "console", "--server", options.url]
    argv += ["--host", options.host, "--port", str(options.console_port)]
    if options.certificate is not None:
        argv += ["--tls-cert", str(options.certificate.cert), "--tls-key", str(options.certificate.key)]
    # A console that others can reach asks each visitor for a key; it must not lend them ours.
    env = {**_client(options), "IDLEGRID_API_KEY": "" if _open_to_others(options) else keys.admin}
    return ChildSpec("console", argv, Stage.NODES, env, frozenset({REDIS}))
