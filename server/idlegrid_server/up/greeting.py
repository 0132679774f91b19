"""What `idlegrid up` tells people. Pure text."""

from collections.abc import Collection

from idlegrid_server.up.addresses import authority, is_loopback, public
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options


def ready(options: Options, keys: Keys, data: str, *, wheels: bool) -> str:
    """The text once everything answers: where things are, and the lines to paste."""
    blocks = [_places(options, data)]
    if options.shared:
        blocks += [_for_spare_machines(options, keys, wheels=wheels), _for_notebooks(options, keys)]
    else:
        blocks += [_for_this_machine(options)]
    return "\n\n".join([*blocks, "Ctrl-C stops everything."])


def waiting(names: Collection[str], logs: str) -> str:
    """The line while some parts do not answer yet."""
    return f"still waiting for {', '.join(names)} (logs: {logs})"


def _places(options: Options, data: str) -> str:
    return (
        "The grid is up.\n"
        f"  Console      {_console(options)}\n"
        f"  Coordinator  {_public_url(options)}\n"
        f"  Nodes here   {options.nodes}\n"
        f"  Data, logs   {data}"
    )


def _console(options: Options) -> str:
    if options.console_port is None:
        return "(none)"
    asks = "" if is_loopback(options.host) else "  (asks each visitor for the submit key)"
    return f"http://{authority(public(options.host), options.console_port)}{asks}"


def _for_this_machine(options: Options) -> str:
    return "In a notebook:\n" + _notebook(f'"{_public_url(options)}"')


def _notebook(client: str) -> str:
    return f'  from idlegrid import Client\n  Client({client}).submit("print(6 * 7)").result()'


def _for_spare_machines(options: Options, keys: Keys, *, wheels: bool) -> str:
    caution = "" if wheels else "\n  (no wheels to serve yet: start with scripts/start.py, which builds them)"
    url, home = _public_url(options), "~/.idlegrid/venv"
    install = _install(options, f"{home}/bin/pip", "idlegrid", "idlegrid-node")
    return (
        "On a spare machine (Python 3.11 or newer):\n"
        f"  python3 -m venv {home} && {install} &&"
        f" {home}/bin/idlegrid node --server {url} --join {keys.join}{caution}"
    )


def _for_notebooks(options: Options, keys: Keys) -> str:
    install = f"  {_install(options, 'pip', 'idlegrid')}\n"
    return "In a notebook elsewhere:\n" + install + _notebook(f'"{_public_url(options)}", api_key="{keys.submit}"')


def _install(options: Options, pip: str, *ours: str) -> str:
    """Our packages from here and nowhere else, then what they need from the usual index.

    As one step with `--extra-index-url`, whoever registers one of our names there would be installed instead.
    """
    here = f"--index-url {_public_url(options)}/dist/simple/ --trusted-host {public(options.host)}"
    return f"{pip} install --no-deps {here} {' '.join(ours)} && {pip} install {ours[-1]}"


def _public_url(options: Options) -> str:
    return f"http://{authority(public(options.host), options.port)}"
