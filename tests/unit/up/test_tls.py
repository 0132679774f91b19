"""Which certificates a grid can speak TLS with, and under which names it is told."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from idlegrid_server.tls import Certificate, CertificateUnusable, check_pair, examined
from idlegrid_server.up import greeting
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options

from ...certificates import self_signed

KEYS = Keys("ig_submit", "ig_admin", "ig_node", "ig_join")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:grid.lab", "DNS:*.grid.lab", "IP:192.0.2.7", "IP:::1")


def options(names, host="192.0.2.7", public=False):
    certificate = Certificate(Path("/cert.pem"), Path("/key.pem"), names, public)
    return Options(host, 8000, 8501, 1, Path("/data"), certificate=certificate)


def test_a_certificate_is_good_for_the_names_in_it(pair):
    certificate = examined(*pair)
    assert not certificate.public
    for name in ("grid.lab", "GRID.lab", "a.grid.lab", "192.0.2.7", "::1", "0:0:0:0:0:0:0:1"):
        assert certificate.names_it(name), name
    for name in ("lab", "a.b.grid.lab", "192.0.2.8", ""):
        assert not certificate.names_it(name), name


def test_a_certificate_and_its_key_need_each_other_and_must_fit(pair, tmp_path):
    other = self_signed(tmp_path, "DNS:other.lab")
    for cert, key, words in (
        (pair.cert, None, "--tls-cert needs --tls-key"),
        (None, pair.key, "--tls-key needs --tls-cert"),
        (pair.cert, other.key, "different pairs"),
        (pair.cert, pair.cert, "no certificate and unencrypted key"),
        (pair.cert, tmp_path / "none.key", "none.key cannot be read: No such file"),
    ):
        with pytest.raises(CertificateUnusable, match=words):
            check_pair(cert, key)
    check_pair(None, None)
    check_pair(*pair)


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_passphrase(pair, tmp_path):
    locked = tmp_path / "locked.key"
    words = ["openssl", "ec", "-in", str(pair.key), "-aes128", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(CertificateUnusable, match="unencrypted"):
        check_pair(pair.cert, locked)


def test_a_certificate_that_names_no_host_is_refused(tmp_path):
    with pytest.raises(CertificateUnusable, match="subjectAltName"):
        examined(*self_signed(tmp_path))


def test_what_is_printed_has_a_name_that_the_certificate_is_for():
    assert options(("192.0.2.7",)).public_host == "192.0.2.7"
    assert options(("localhost", "*.lab", "grid.lab")).public_host == "grid.lab"
    assert options(("localhost",)).public_host == "192.0.2.7"


def test_our_own_parts_look_for_a_name_that_the_certificate_has():
    assert options(("127.0.0.1",), "0.0.0.0").tls_name == ""
    assert options(("*.lab", "grid.lab"), "0.0.0.0").tls_name == "grid.lab"
    assert options(("*.lab",), "0.0.0.0").url == "https://127.0.0.1:8000"


def test_the_lines_to_paste_bring_a_certificate_along_that_nobody_vouches_for():
    told = greeting.ready(options(("grid.lab",)), KEYS, "/data", wheels=True)
    assert "https://grid.lab:8501" in told
    assert "--index-url https://grid.lab:8000/dist/simple/ --cert grid.pem idlegrid" in told
    assert "--server https://grid.lab:8000 --ca-file grid.pem --join ig_join" in told
    assert 'Client("https://grid.lab:8000", api_key="ig_submit", ca_file="grid.pem")' in told
    assert "first copy /cert.pem there, as grid.pem" in told
    assert "http://" not in told
    public = greeting.ready(options(("grid.lab",), public=True), KEYS, "/data", wheels=True)
    assert "grid.pem" not in public
    assert "--trusted-host" not in public


def test_a_grid_without_a_certificate_speaks_http():
    plain = replace(options(()), certificate=None)
    assert (plain.scheme, plain.tls_name, plain.public_host) == ("http", "", "192.0.2.7")
