"""What is shipped to install a grid with fits the product: every command, setting, port and path in it is real."""

import argparse
import importlib.util
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from idlegrid_server.core.limits import MAX_CHECKPOINT_BYTES
from idlegrid_server.settings import Settings

from ..acceptance.behind_nginx import rendered

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*(DEPLOY / "systemd").glob("*.service"), *(DEPLOY / "systemd").glob("*.target")], key=lambda p: p.name)
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile.*"))
OURS = {f"IDLEGRID_{name.upper()}" for name in Settings.model_fields}
OTHERS = {"IDLEGRID_URL", "IDLEGRID_JOIN", "PGPASSFILE"}
"""Those of clients and nodes, and libpq's own."""
PYTHON = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "HOME"}
EXPOSURE = 20
"""Tenths on systemd's scale from 0 (shut in) to 10 (as it comes): what a unit may be at most."""
INSTALLED = "/opt/idlegrid/bin"


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / name).read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of ours that anything in the folder starts, without the interpreter's or the script's folder."""
    for name, service in services().items():
        words = [str(word) for word in service.get("command", [])]
        if words[:2] == ["sh", "-c"]:
            words = shlex.split(words[2].rpartition(" exec ")[2])
        yield name, words
    for unit in SERVICES:
        text = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[1].replace("%i", "control")
        if "serve" in text:
            text = text.replace("--port control", "--port 8001")
        yield unit.name, shlex.split(text.replace(f"{INSTALLED}/", ""))
    for file in DOCKERFILES:
        found = re.search(r"^CMD (\[.*\])$", file.read_text(), re.MULTILINE)
        yield file.name, yaml.safe_load(found[1])


def settings_named() -> Iterator[tuple[str, str]]:
    for name, service in services().items():
        for variable in service.get("environment", {}):
            yield name, variable
    for path in (*UNITS, DEPLOY / "systemd" / "grid.env", *DOCKERFILES):
        for variable in re.findall(r"(?:^|[\s=])([A-Z][A-Z_]+)(?==)", path.read_text(), re.MULTILINE):
            yield path.name, variable


def ours(words: list[str]) -> bool:
    return words[:1] == ["idlegrid"] or words[:2] == ["python", "-m"]


def parsed(words: list[str]) -> object:
    """The command's own parser takes these words."""
    [entry] = entry_points(group="idlegrid.commands", name=words[1])
    parser = argparse.ArgumentParser(exit_on_error=True)
    entry.load().configure(parser)
    return parser.parse_args(words[2:])


def test_every_command_is_one_of_ours_and_takes_its_words():
    found = [(where, words) for where, words in commands() if ours(words)]
    assert len(found) >= 14
    for where, words in found:
        if words[0] == "idlegrid":
            assert parsed(words), where
        else:
            assert importlib.util.find_spec(words[2]), f"{where}: {words}"
            assert words[3:] in ([], ["control"], ["webhooks"]), f"{where}: {words}"


def test_every_setting_is_one_of_ours():
    named = list(settings_named())
    assert {variable for _, variable in named} >= {"IDLEGRID_DATABASE_URL", "IDLEGRID_TOKEN_KEY_FILE"}
    wrong = [(w, v) for w, v in named if v.startswith("IDLEGRID_") and v not in OURS | OTHERS]
    assert wrong == []


def test_coordinators_take_the_shipped_settings(monkeypatch):
    environment = services()["coordinator-1"]["environment"]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.needs_keys
    assert settings.record_url.startswith("postgresql+psycopg://")
    assert settings.trusted_proxies == services()["nginx"]["networks"]["grid"]["ipv4_address"]


def test_nginx_lets_the_largest_body_through():
    allowed = re.search(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text())[1]
    assert int(allowed) << 20 > MAX_CHECKPOINT_BYTES


def test_nginx_asks_where_the_coordinators_listen():
    upstreams = dict(re.findall(r"server (coordinator-\d):(\d+)", (DEPLOY / "nginx.conf").read_text()))
    listening = {
        name: service["command"][service["command"].index("--port") + 1]
        for name, service in services().items()
        if name.startswith("coordinator-")
    }
    assert upstreams == listening
    units = re.findall(r"idlegrid-coordinator@(\d+)\.service", (DEPLOY / "systemd" / "idlegrid.target").read_text())
    assert sorted(upstreams.values()) == sorted(units)


def test_ports_and_health_checks_meet_what_listens():
    listen = re.search(r"listen (\d+);", (DEPLOY / "nginx.conf").read_text())[1]
    secure = re.search(r"listen (\d+) ssl;", (DEPLOY / "nginx-tls.conf").read_text())[1]
    assert [port.rpartition(":")[2] for port in services()["nginx"]["ports"]] == [listen]
    assert compose("compose.tls.yaml")["services"]["nginx"]["ports"] == [f"{secure}:{secure}"]
    for name, service in services().items():
        for asked in re.findall(
            r"http://127\.0\.0\.1:(\d+)/", " ".join(service.get("healthcheck", {}).get("test", []))
        ):
            expected = listen if name == "nginx" else service["command"][service["command"].index("--port") + 1]
            assert asked == expected, name


@pytest.mark.parametrize("name", services())
def test_every_service_is_pinned_and_shut_in(name):
    service = services()[name]
    tag = service["image"].rpartition(":")[2]
    assert re.match(r"\d", tag), f"{service['image']} says no version"
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_what_is_mounted_and_read_is_there():
    document = compose()
    for name, service in document["services"].items():
        for secret in service.get("secrets", []):
            assert secret in document["secrets"], f"{name}: {secret}"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in document["volumes"] or (DEPLOY / source).exists(), f"{name}: {volume}"
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
    text = " ".join(str(value) for service in document["services"].values() for value in service.values())
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == set(document["secrets"])


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: path.name)
def test_every_image_is_built_from_this_repository_and_runs_as_nobody_special(file):
    text = file.read_text()
    for tag in re.findall(r"^FROM \S+:(\S+)", text, re.MULTILINE):
        assert re.match(r"\d+\.\d+", tag)
    for source in re.findall(r"^COPY ([\w]+) \w+$", text, re.MULTILINE):
        assert (ROOT / source / "pyproject.toml").is_file(), source
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)


@pytest.fixture
def nginx(tmp_path):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("no nginx (Debian: apt install nginx-light)")

    def check(**more: Path) -> None:
        (tmp_path / "nginx.conf").write_text(rendered(8080, [8001, 8002]))
        for name, source in more.items():
            shutil.copy(source, tmp_path / f"nginx-{name}.conf")
        command = [program, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return check


def test_nginx_takes_its_configuration(nginx):
    nginx()


def test_nginx_takes_its_configuration_with_tls(nginx, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl")
    (tmp_path / "tls").mkdir()
    files = ["-keyout", str(tmp_path / "tls" / "key.pem"), "-out", str(tmp_path / "tls" / "cert.pem")]
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=grid"]
    subprocess.run([openssl, *words, *files], capture_output=True, check=True)
    nginx(tls=DEPLOY / "nginx-tls.conf")


@pytest.fixture
def analyze(tmp_path):
    """`systemd-analyze` on the units as they are installed; in place of their programs are empty ones."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze (Debian: apt install systemd)")
    for name in ("idlegrid", "python", "nginx"):
        (tmp_path / name).touch(mode=0o755)
    for unit in UNITS:
        text = unit.read_text().replace(INSTALLED, str(tmp_path)).replace("/usr/sbin", str(tmp_path))
        (tmp_path / unit.name).write_text(text)

    def run(*words: str) -> str:
        done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    return run


def test_systemd_takes_the_units(analyze):
    said = analyze("verify", "--man=no", *(f"./{unit.name}" for unit in UNITS))
    assert not [line for line in said.splitlines() if "idlegrid" in line], said


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_every_unit_is_shut_in(analyze, unit):
    analyze("security", "--offline=true", f"--threshold={EXPOSURE}", f"./{unit.name}")
    assert "Restart=always" in unit.read_text()
