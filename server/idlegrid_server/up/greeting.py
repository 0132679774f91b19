"""What `idlegrid up` tells people. Pure text."""

from collections.abc import Collection

from idlegrid_server.up.addresses import authority, is_loopback
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options

CA_FILE = "grid.pem"
"""What a certificate that no authority vouches for is called on the machines that it was copied to."""


def ready(options: Options, keys: Keys, data: str, *, wheels: bool) -> str:
    """The text once everything answers: where things are, and the lines to paste. The operator's key is not in it."""
    blocks = [_places(options, data)]
    if options.shared:
        blocks += [_for_spare_machines(options, keys, wheels=wheels), _for_notebooks(options, keys)]
    else:
        blocks += [_for_this_machine(options)]
    if _must_be_copied(options):
        blocks += [_about_certificate(options)]
    return "\n\n".join([*blocks, "Ctrl-C stops everything."])


def waiting(names: Collection[str], logs: str) -> str:
    """The line while some parts do not answer yet."""
    return f"still waiting for {', '.join(names)} (logs: {logs})"


def _places(options: Options, data: str) -> str:
    operator = f"\n  Admin key    admin_key in {data}/keys.json" if options.shared else ""
    return (
        "The grid is up.\n"
        f"  Console      {_console(options)}\n"
        f"  Coordinator  {_public_url(options)}\n"
        f"  Nodes here   {options.nodes}\n"
        f"  Data, logs   {data}{operator}"
    )


def _console(options: Options) -> str:
    if options.console_port is None:
        return "(none)"
    asks = "" if is_loopback(options.host) else "  (asks each visitor for a key)"
    return f"{options.scheme}://{authority(options.public_host, options.console_port)}{asks}"


def _for_this_machine(options: Options) -> str:
    return "In a notebook:\n" + _notebook(options)


def _notebook(options: Options, key: str = "") -> str:
    words = [f'"{_public_url(options)}"']
    words += [f'api_key="{key}"'] if key else []
    words += [f'ca_file="{CA_FILE}"'] if _must_be_copied(options) else []
    client = ", ".join(words)
    return f'  from idlegrid import Client\n  Client({client}).submit("print(6 * 7)").result()'


def _for_spare_machines(options: Options, keys: Keys, *, wheels: bool) -> str:
    caution = "" if wheels else "\n  (no wheels to serve yet: start with scripts/start.py, which builds them)"
    url, home = _public_url(options), "~/.idlegrid/venv"
    install = _install(options, f"{home}/bin/pip", "idlegrid", "idlegrid-node")
    trust = f" --ca-file {CA_FILE}" if _must_be_copied(options) else ""
    return (
        "On a spare machine (Python 3.11 or newer):\n"
        f"  python3 -m venv {home} && {install} &&"
        f" {home}/bin/idlegrid node --server {url}{trust} --join {keys.join}{caution}"
    )


def _for_notebooks(options: Options, keys: Keys) -> str:
    install = f"  {_install(options, 'pip', 'idlegrid')}\n"
    return "In a notebook elsewhere:\n" + install + _notebook(options, keys.submit)


def _install(options: Options, pip: str, *ours: str) -> str:
    """Our packages from here and nowhere else, then what they need from the usual index.

    As one step with `--extra-index-url`, whoever registers one of our names there would be installed instead.
    """
    here = f"--index-url {_public_url(options)}/dist/simple/{_pip_trust(options)}"
    return f"{pip} install --no-deps {here} {' '.join(ours)} && {pip} install {ours[-1]}"


def _pip_trust(options: Options) -> str:
    if options.certificate is None:
        return f" --trusted-host {options.public_host}"
    return f" --cert {CA_FILE}" if _must_be_copied(options) else ""


def _must_be_copied(options: Options) -> bool:
    """Whether others only believe the certificate once they have it."""
    return options.certificate is not None and not options.certificate.public


def _about_certificate(options: Options) -> str:
    cert = options.certificate and options.certificate.cert
    return f"No authority that this machine knows vouches for the certificate: first copy {cert} there, as {CA_FILE}."


def _public_url(options: Options) -> str:
    return f"{options.scheme}://{authority(options.public_host, options.port)}"
