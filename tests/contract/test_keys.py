"""A grid that others can reach: every endpoint wants a key with the right scope, but for the few that stay open."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PROJECT = "idlegrid-parcel"
WHEEL = "idlegrid_parcel-1.0.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def guarded(start_coordinator, tmp_path_factory):
    """The coordinator and its own keys."""
    data, parcels = tmp_path_factory.mktemp("guarded"), tmp_path_factory.mktemp("parcels")
    write_wheel(parcels)
    (parcels / "secret.txt").write_text("not for download")
    coordinator = start_coordinator(data=data, auth="required", dist_dir=parcels, failed_auth_limit="100000/minute")
    return coordinator, ensure(data)


def ensure(data) -> dict[str, str]:
    command = [sys.executable, "-m", "idlegrid_server.keys", "ensure", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def write_wheel(folder) -> None:
    info = "idlegrid_parcel-1.0.0.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("idlegrid_parcel.py", "NAME = 'parcel'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: 1.0.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def nobody(guarded, visit):
    return visit(guarded[0].url)


@pytest.fixture
def submitter(guarded, visit):
    return visit(guarded[0].url, guarded[1]["submit_key"])


@pytest.fixture
def node(guarded, visit):
    return visit(guarded[0].url, guarded[1]["node_key"])


OPEN = ["/", "/health", "/livez", "/readyz", "/dist/simple/"]


@pytest.mark.parametrize("path", OPEN)
def test_a_few_places_stay_open(nobody, path):
    assert nobody.get(path).status_code == 200


def test_a_body_is_not_looked_at_before_the_key(nobody):
    answer = nobody.ask("POST", "/submit", data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_the_two_keys_do_what_they_are_for(submitter, node):
    run = submitter.submit("print(1)")
    machine = node.machine("lab-07", labels=["locked"])
    attempt = machine.lease()
    assert attempt["task_id"] == run
    assert attempt["submitter"] == "submit"
    assert machine.report(attempt, result="1").status_code == 200
    assert submitter.status(run)["result"] == "1"
    assert submitter.run(run)["submitter"] == "submit"


@pytest.mark.parametrize("path", ["/stats", "/api/runs", "/results"])
def test_a_key_may_stand_in_the_query(nobody, guarded, path):
    assert nobody.get(path, api_key=guarded[1]["submit_key"]).status_code == 200
    assert nobody.get(path, api_key="wrong").status_code == 401


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "nonsense", "Bearer é", "Bearer " + "x" * 5000]
)
def test_a_header_that_holds_no_good_key_is_refused(nobody, header):
    answer = nobody.ask("GET", "/stats", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def test_the_scheme_may_be_written_as_one_likes(nobody, guarded):
    headers = {"Authorization": f"bearer  {guarded[1]['submit_key']}"}
    assert nobody.ask("GET", "/stats", headers=headers).status_code == 200


def test_a_listener_needs_a_submit_key(submitter, nobody, node):
    socket = submitter.listen()
    run = submitter.submit("print(1)")
    assert json.loads(socket.recv(timeout=20))["data"]["task_id"] == run
    for stranger in (nobody, node):
        with pytest.raises(InvalidStatus):
            stranger.listen()
    submitter.post(f"/api/runs/{run}/abort")
    submitter.clean(run)


def test_a_listener_may_send_its_key_in_a_header(guarded):
    headers = {"Authorization": f"Bearer {guarded[1]['submit_key']}"}
    with connect(f"ws://127.0.0.1:{guarded[0].port}/ws/updates", additional_headers=headers) as socket:
        socket.ping().wait(20)


def test_no_page_is_let_in_unless_it_is_listed(nobody):
    answer = nobody.ask("GET", "/", headers={"Origin": "https://notebook.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_another_host_name_is_fine_with_keys(nobody):
    assert nobody.ask("GET", "/", headers={"Host": "grid.example"}).status_code == 200


def test_the_same_idempotency_key_of_another_submitter_is_another(submitter):
    first = submitter.post("/submit", {"code": "print(1)"}, headers={"Idempotency-Key": "shared"}).json()
    again = submitter.post("/submit", {"code": "print(1)"}, headers={"Idempotency-Key": "shared"}).json()
    assert again == first
    submitter.post(f"/api/runs/{first['task_id']}/abort")


def test_ensuring_keys_again_answers_the_same(guarded):
    coordinator, keys = guarded
    assert set(keys) == {"submit_key", "admin_key", "node_key", "join_token"}
    assert ensure(coordinator.data) == keys
    assert (coordinator.data / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_key_is_not_kept_in_the_record(guarded):
    coordinator, keys = guarded
    kept = b"".join(file.read_bytes() for file in coordinator.data.glob("grid.db*"))
    assert kept
    for key in keys.values():
        assert key.encode() not in kept


def test_an_address_that_others_reach_wants_keys_by_itself(start_coordinator):
    url = start_coordinator(host="0.0.0.0").url
    assert requests.get(f"{url}/stats", timeout=20).status_code == 401
    assert requests.get(f"{url}/health", timeout=20).status_code == 200


def test_our_wheels_are_listed_as_pip_wants_them(nobody):
    assert f'<a href="{PROJECT}/">{PROJECT}</a>' in nobody.get("/dist/simple/").text
    page = nobody.get(f"/dist/simple/{PROJECT}/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert f'href="../../files/{WHEEL}"' in page.text


@pytest.mark.parametrize("spelling", ["Idlegrid_Parcel", "idlegrid.parcel", "IDLEGRID-PARCEL"])
def test_a_project_may_be_spelled_as_pip_does(nobody, spelling):
    assert WHEEL in nobody.get(f"/dist/simple/{spelling}/").text


@pytest.mark.parametrize(
    "path",
    ["simple/nobody/", "files/nothing.whl", "files/secret.txt", "files/..%2Fsecret.txt", "files/%2Fetc%2Fpasswd"],
)
def test_nothing_else_is_offered(nobody, path):
    answer = nobody.get(f"/dist/{path}")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


def test_pip_downloads_a_wheel_from_here(guarded, tmp_path):
    index = f"{guarded[0].url}/dist/simple/"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path), PROJECT]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--isolated", "--index-url", index, "--trusted-host", "127.0.0.1"],
        capture_output=True,
        text=True,
        env=clean | {"NO_PROXY": "127.0.0.1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert zipfile.ZipFile(tmp_path / WHEEL).read("idlegrid_parcel.py") == b"NAME = 'parcel'\n"


def test_without_a_folder_no_wheel_is_offered(grid):
    assert "<a" not in grid.get("/dist/simple/").text
    assert grid.get(f"/dist/simple/{PROJECT}/").status_code == 404
