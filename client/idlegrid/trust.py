"""Whose certificate is believed when a coordinator is called over https, and what is said of one that is not."""

import ssl

from idlegrid.errors import Unreachable

_ADVICE = "name a file with its certificate, or its authority's, by IDLEGRID_CA_FILE"
_NO_AUTHORITY = {2, 18, 19, 20, 21}
"""OpenSSL's codes (X509_V_ERR_…) for a certificate that leads to none that is believed."""


def context(url: str, ca_file: str | None) -> ssl.SSLContext | bool:
    """What the HTTP library is to verify with; True is its own choice: the authorities of this system.

    Raises Unreachable when `ca_file` cannot be used.
    """
    if not url.startswith("https://"):
        # Over plain http no certificate is ever checked, and loading the authorities costs 3 MB and 80 ms.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        return True
    try:
        return believing(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise Unreachable(unusable(ca_file, error)) from error


def believing(ca_file: str) -> ssl.SSLContext:
    """For a caller who believes the certificates in this file, whoever has signed them, and those they vouch for.

    Raises OSError.
    """
    made = ssl.create_default_context(cafile=ca_file)
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return made


def unusable(ca_file: str, error: OSError) -> str:
    """Why certificates cannot be read from a file, in a sentence."""
    reason = "there is no PEM certificate in it" if isinstance(error, ssl.SSLError) else error.strerror or error
    return f"the certificates in {ca_file} cannot be used: {reason}"


def doubt(error: BaseException, url: str) -> str:
    """The sentence for a TLS handshake that failed; empty when that is not what is behind `error`."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        advice = f"; {_ADVICE}" if cause.verify_code in _NO_AUTHORITY else ""
        return f"the certificate of {url} is not trusted: {cause.verify_message.rstrip('.')}{advice}"
    if cause is not None and cause.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
        return f"{url} does not speak https: is it http://?"
    return ""
