"""The certificate that a coordinator shows: whether it can be used, and for which names.

Names are read by shaking hands with ourselves, in memory: the standard library reads certificates in no other way.
"""

import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idlegrid.errors import IdlegridError
from idlegrid.trust import believing

FLIGHTS: Final = 8
"""Messages of a handshake, both ways together: TLS 1.2 has the most, six."""


class CertificateUnusable(IdlegridError):
    """TLS cannot be spoken with what was given; the message says why."""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, both PEM files, good for `names`; `public` when this system's authorities vouch."""

    cert: Path
    key: Path
    names: tuple[str, ...]
    public: bool

    def names_it(self, host: str) -> bool:
        """Whether the certificate is for this host name or address."""
        return any(_matches(name, _plain(host)) for name in self.names)


def check_pair(cert: Path | None, key: Path | None) -> None:
    """Raise CertificateUnusable unless both files are given and fit together, or none is given."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        given, missing = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise CertificateUnusable(f"{given} needs {missing}, too: TLS takes a certificate and its key")
    _server_side(cert, key)


def examined(cert: Path, key: Path) -> Certificate:
    """The certificate, checked as `check_pair` does and as callers who believe this very certificate would.

    Raises CertificateUnusable.
    """
    server = _server_side(cert, key)
    try:
        names = _names(_shaken(server, believing(str(cert))))
    except ssl.SSLError as error:
        reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
        raise CertificateUnusable(f"nobody would believe the certificate in {cert}: {reason}") from error
    if not names:
        words = "it names no host as its subjectAltName, and nothing else counts"
        raise CertificateUnusable(f"nobody would believe the certificate in {cert}: {words}")
    return Certificate(cert, key, names, public=_is_public(server))


def _server_side(cert: Path, key: Path) -> ssl.SSLContext:
    for file in (cert, key):
        try:
            file.read_bytes()
        except OSError as error:
            raise CertificateUnusable(f"{file} cannot be read: {error.strerror or error}") from error
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without an answer of our own OpenSSL would ask for the key's passphrase at the terminal.
        made.load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        words = "belong to different pairs" if mismatch else "are no certificate and unencrypted key in PEM form"
        raise CertificateUnusable(f"{cert} and {key} {words}") from error
    return made


def _is_public(server: ssl.SSLContext) -> bool:
    with suppress(ssl.SSLError):
        return bool(_shaken(server, ssl.create_default_context()))
    return False


def _shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a handshake between the two. Raises ssl.SSLError."""
    client.check_hostname = False
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    guest = client.wrap_bio(back, there)
    host = server.wrap_bio(there, back, server_side=True)
    for _ in range(FLIGHTS):
        for side in (guest, host):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return guest


def _names(guest: ssl.SSLObject) -> tuple[str, ...]:
    named = (guest.getpeercert() or {}).get("subjectAltName", ())
    return tuple(_plain(str(pair[1])) for pair in named if pair[0] in {"DNS", "IP Address"})


def _plain(host: str) -> str:
    """An address in its one usual form, a name in small letters."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()


def _matches(name: str, host: str) -> bool:
    if name.startswith("*."):
        return host.partition(".")[2] == name.removeprefix("*.")
    return name == host
