"""`idlegrid node service install|uninstall|status`: the node as a service of systemd, of this user or of the machine.

No secret is in the unit, nor on the command line that `ps` shows: a join token is exchanged for the node's own key when
the service is installed, so that a wrong one is refused to who gave it and none is left lying about; a key that was
made by hand, for which there is no exchange, goes into a file of mode 0600 in the data folder.
"""

import argparse
import getpass
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import idlegrid_node
from idlegrid_node import control, given, unit
from idlegrid_node.arguments import declare
from idlegrid_node.errors import NodeError, SettingsError
from idlegrid_node.settings import Settings, write_whole
from idlegrid_node.systemd import Manager
from idlegrid_node.verbs import joining, serving
from idlegrid_node.verbs.words import say, take_folder

HELP = "run the node as a service of systemd: install, uninstall, or tell how it is"
WRITTEN = 3
"""The exit status of `install` where systemd does not run: all is written, and waits for the commands that are told."""
KEY_FILE = "service.env"
CARRIED = ("IDLEGRID_TLS_NAME", "IDLEGRID_NODE_SLOT_UID", "IDLEGRID_NODE_MAX_LEVEL")
"""Settings that have no option; those that have one become it."""
ELSEWHERE = "only systemd's services are made so far: on {system} start `idlegrid node …` from {means}, as its owner"
MEANS = {"darwin": ("macOS", "a launch agent"), "win32": ("Windows", "the task scheduler, at logon")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    choice = parser.add_subparsers(dest="service_verb", metavar="install|uninstall|status", required=True)
    install = choice.add_parser(
        "install", help="start the node now and whenever this machine, or its user's session, does"
    )
    declare(install, again=True)
    install.add_argument("--print", action="store_true", dest="only_print", help="print the unit and do nothing")
    uninstall = choice.add_parser("uninstall", help="stop the node and remove its service; its data folder stays")
    status = choice.add_parser("status", help="tell how it is: exit status 0 running, 3 not running, 4 not installed")
    status.add_argument("--json", action="store_true", help="print it as JSON")
    for own in (uninstall, status):
        take_folder(own)
    for own in (install, uninstall):
        own.add_argument("--force", action="store_true", help="also where the unit was written by somebody else")
    for own in (install, uninstall, status):
        whose = own.add_mutually_exclusive_group()
        whose.add_argument(
            "--system", action="store_true", default=None, help="the machine's service (default for root)"
        )
        whose.add_argument(
            "--user", action="store_false", default=None, dest="system", help="this user's service (else the default)"
        )


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; returns the exit status. Raises `NodeError` with a sentence."""
    if sys.platform != "linux":
        system, means = MEANS.get(sys.platform, (sys.platform, "whatever starts programs there"))
        raise NodeError(ELSEWHERE.format(system=system, means=means))
    if arguments.service_verb == "status":
        return serving.tell(arguments)
    manager = Manager(system=os.geteuid() == 0 if arguments.system is None else arguments.system)
    return _uninstall(arguments, manager) if arguments.service_verb == "uninstall" else _install(arguments, manager)


def unit_of(arguments: argparse.Namespace, settings: Settings, *, system: bool) -> unit.Unit:
    """Return the unit of a node with these arguments. Raises `SettingsError` for what should not be in one."""
    if urlsplit(settings.server).password is not None:
        raise SettingsError("--server: no service is made with a password in its command line, which all may read")
    return unit.Unit(
        system=system,
        command=(sys.executable, "-P", "-m", "idlegrid", "node", *_options(arguments, settings)),
        folder=settings.folder,
        grace_s=settings.policy.evict_grace_s,
        environment={name: os.environ[name] for name in CARRIED if os.environ.get(name)},
        key_file=settings.folder / KEY_FILE if settings.api_key else None,
    )


def _options(arguments: argparse.Namespace, settings: Settings) -> Iterator[str]:
    file = given.policy_file(arguments)
    said = {
        "--server": settings.server,
        "--ca-file": settings.ca_file and Path(settings.ca_file).absolute(),
        "--profile": given.profile(arguments),
        "--policy-file": file and file.absolute(),
        "--network": given.network_given(arguments),
        "--slots": settings.slots,
        "--data": settings.folder,
        "--name": arguments.name,
        "--labels": ",".join(settings.labels),
        "--packages": settings.packages,
        "--preload": ",".join(settings.preload),
        "--task-types": given.task_types_given(arguments),
    }
    yield from (f"{option}={value}" for option, value in said.items() if value)
    if settings.trust_submitters:
        yield "--trust-submitters"


def _install(arguments: argparse.Namespace, manager: Manager) -> int:
    known, folder = given.as_last_started(arguments), given.data_folder(arguments)
    if arguments.only_print:
        named = given.named(known, folder)
        settings = given.settings(named, folder)
        sys.stdout.write(unit.text(unit_of(known, settings, system=manager.system)))
        return 0
    manager.check_allowed()
    if not arguments.force:
        manager.check_ours()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = given.settings(known, folder)
    text = unit.text(unit_of(known, settings, system=manager.system))
    _check_alone(folder, manager)
    joining.exchange_token(settings)
    _keep_key(settings)
    manager.write(text)
    say(f"written: {manager.file}")
    return _start(manager)


def _start(manager: Manager) -> int:
    steps = (("daemon-reload",), ("enable", unit.NAME), ("restart", unit.NAME))
    hints = list(_hints(manager))
    if manager.runs:
        for step in steps:
            manager.do(*step)
        say("the node runs, and starts by itself from now on: `idlegrid node service status`")
    else:
        commands = " && ".join(" ".join((manager.called, *step)) for step in steps)
        say(f"systemd does not run here, so nothing was started; where it does: {commands}")
    for hint in hints:
        say(hint)
    return 0 if manager.runs else WRITTEN


def _hints(manager: Manager) -> Iterator[str]:
    if not manager.system:
        yield f"to have it run without you being logged in, too: sudo loginctl enable-linger {getpass.getuser()}"
    elif any(Path(file).stat().st_uid != 0 for file in (sys.executable, idlegrid_node.__file__)):
        yield f"{sys.executable} is not root's: who may change it, or the packages beside it, is root by this service"


def _check_alone(folder: Path, manager: Manager) -> None:
    """Raise `NodeError` when a node that is not the service works in the folder: the service could not."""
    answer = control.ask(folder, "status") if manager.runs else None
    if answer is not None and str(answer["pid"]) != manager.shown().get("MainPID"):
        told = f"a node works in {folder} already, as process {answer['pid']}"
        raise NodeError(f"{told}: end it, or give the service a folder of its own by --data DIR")


def _keep_key(settings: Settings) -> None:
    """Keep a key that was made by hand for the unit's EnvironmentFile=, or see to it that none is kept."""
    file = settings.folder / KEY_FILE
    if settings.api_key is None:
        file.unlink(missing_ok=True)
        return
    if not re.fullmatch(r"[\w.~+/=-]+", settings.api_key, re.ASCII):
        raise SettingsError("--api-key: that is no key")
    write_whole(file, f"IDLEGRID_API_KEY={settings.api_key}", mode=0o600)


def _uninstall(arguments: argparse.Namespace, manager: Manager) -> int:
    there = manager.written()
    if there is None:
        say(f"no service is installed: there is no {manager.file}")
        return 0
    manager.check_allowed()
    if not arguments.force:
        manager.check_ours()
    folder = unit.data_folder(there) or given.data_folder(arguments)
    if manager.runs:
        manager.do("disable", "--now", unit.NAME)
    manager.remove()
    (folder / KEY_FILE).unlink(missing_ok=True)
    if manager.runs:
        manager.do("daemon-reload")
    say(f"removed: {manager.file}")
    say(f"the data folder stays: {folder} (the node's name and keys, and what ran here)")
    return 0
