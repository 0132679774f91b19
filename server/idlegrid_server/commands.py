"""`idlegrid up` and `idlegrid serve`, as the client library's command line finds them."""

import argparse
import gc
import sys

from idlegrid.cli import Command
from idlegrid_server.up import options
from idlegrid_server.up.errors import UpError


def _up(arguments: argparse.Namespace) -> int:
    from idlegrid_server.up.run import up  # not needed for --help, nor for `serve`

    try:
        return up(options.parsed(arguments))
    except UpError as error:
        print(f"idlegrid up: {error}", file=sys.stderr)
        return error.status


def _serve(arguments: argparse.Namespace) -> int:
    gc.disable()  # until it serves: an eighth of its start would be looks for cycles among modules, which stay
    from idlegrid_server import app  # the whole coordinator: a second of imports that `up` does not need

    return app.main(
        host=arguments.host,
        port=arguments.port,
        data=arguments.data,
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
    )


UP = Command("start a whole grid on this machine: Redis, coordinator, console and nodes", options.configure, _up)
SERVE = Command("start the coordinator alone", options.add_listen_arguments, _serve)
