from idlegrid_node.sandbox.job import Way
from idlegrid_node.wire import Lease
from idlegrid_node.work import FETCH, job_of


def lease(**words: object) -> Lease:
    return Lease.read({"run": "r", "lease_id": "l", **words})


def test_code_runs_as_after_minus_c():
    job = job_of(lease(code="print(1)", command="python", arguments=["a"], parameters={"n": 1}), "none")
    assert (job.way, job.code, tuple(job.argv), job.parameters) == (Way.CODE, "print(1)", ("-c", "a"), {"n": 1})


def test_without_code_the_command_is_a_file():
    job = job_of(lease(command="x.py", arguments=["a"]), "none")
    assert (job.way, job.code, tuple(job.argv)) == (Way.FILE, "", ("x.py", "a"))
    assert job_of(lease(code=""), "none").way is Way.CODE


def test_a_shell_has_the_command_and_its_arguments():
    job = job_of(lease(task_type="shell", command="echo", arguments=["a"]), "none")
    assert (job.way, tuple(job.argv)) == (Way.SHELL, ("echo", "a"))


def test_a_request_is_made_by_our_own_program_with_what_the_owner_allows():
    asked = {"method": "PUT", "body": 1}
    job = job_of(lease(task_type="http", command="http://x/", request=asked, code="evil", timeout=7), "public")
    assert (job.way, job.code, job.limits.timeout) == (Way.CODE, FETCH, 7.0)
    assert job.parameters == {"url": "http://x/", "request": asked, "network": "public"}
