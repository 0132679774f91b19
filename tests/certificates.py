"""Certificates for tests of https: self-signed, by the `openssl` program."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Pair(NamedTuple):
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


def self_signed(folder: Path, *names: str, label: str = "grid") -> Pair:
    """A certificate for names as openssl writes them: `DNS:grid.lab`, `IP:127.0.0.1`; none for one without any."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH (Debian: apt install openssl)")
    made = Pair(folder / f"{label}.pem", folder / f"{label}.key")
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=grid"]
    words += ["-keyout", str(made.key), "-out", str(made.cert)]
    words += ["-addext", f"subjectAltName={','.join(names)}"] if names else []
    subprocess.run(["openssl", "req", "-x509", *words], check=True, capture_output=True)
    return made
