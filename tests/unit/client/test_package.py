"""What the package offers, and what importing it costs."""

import inspect
import pickle
import subprocess
import sys

import pytest

import idlegrid
from idlegrid import ApiError, NotFound, RunFailed


def test_all_is_exactly_what_the_package_offers():
    offered = {
        name for name, value in vars(idlegrid).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(idlegrid.__all__) == offered
    assert list(idlegrid.__all__) == sorted(idlegrid.__all__)


def test_importing_the_session_does_not_import_the_http_library():
    code = "import sys, idlegrid.session; print('httpx2' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("error", [NotFound(404, "gone"), RunFailed(3, "boom", 1, "user_error")])
def test_an_error_survives_a_trip_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_every_refusal_is_caught_by_one_name():
    assert issubclass(NotFound, ApiError)


def test_parameters_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("IDLEGRID_PARAMETERS", '{"n": 3}')
    assert idlegrid.parameters() == {"n": 3}


def test_no_parameters_are_an_empty_object(monkeypatch):
    monkeypatch.delenv("IDLEGRID_PARAMETERS", raising=False)
    assert idlegrid.parameters() == {}


def test_parameters_that_are_no_object_are_refused(monkeypatch):
    monkeypatch.setenv("IDLEGRID_PARAMETERS", "[1]")
    with pytest.raises(ValueError, match="not a JSON object"):
        idlegrid.parameters()
