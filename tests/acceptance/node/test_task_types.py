"""What a task runs: code, a file of its own, or a shell's command; with arguments, parameters and files."""

import json

import pytest

from .machines import ALWAYS, at_level, machine, need_level

PATIENCE = 60.0
PARAMETERS = {"name": "Zoë", "n": 3}
SHOW = "import idlegrid, json\nprint(json.dumps(idlegrid.parameters()))"


@pytest.fixture(scope="module", params=[3, 2, 1], ids=lambda level: f"level{level}")
def node(request, tmp_path_factory):
    trusting = ("--trust-submitters",) if request.param == 1 else ()
    words = (*ALWAYS, "--slots", "2", *trusting)
    with machine(tmp_path_factory.mktemp("node"), *words, settings=at_level(request.param)) as there:
        need_level(there, request.param)
        yield there


def run(node, code="", **more):
    return node.run(code, **{"timeout": PATIENCE, **more})


def shell(node, command, **more):
    return run(node, task_type="shell", command=command, **more)


def test_code_has_its_arguments(node):
    report = run(node, "import sys\nprint(sys.argv)", arguments=["--input", "a b", "ü"])
    assert report["result"] == "['-c', '--input', 'a b', 'ü']"


def test_a_file_runs_as_python_would_run_it(node):
    main = (
        "import sys, sibling\nfrom package import inner\n"
        "print(__name__, sys.argv, __file__.endswith('/process.py'), sibling.VALUE, inner.VALUE)\nsys.exit(3)"
    )
    files = {"process.py": main.encode(), "sibling.py": b"VALUE = 1", "package/inner.py": b"VALUE = 2"}
    report = run(node, command="process.py", arguments=["--input", "data.csv"], files=files)
    assert report["result"] == "__main__ ['process.py', '--input', 'data.csv'] True 1 2"
    assert (report["outcome"], report["exit_code"]) == ("failed", 3)


def test_a_file_in_a_folder_finds_what_lies_beside_it_and_its_data_where_it_started(node):
    files = {"app/run.py": b"import beside\nprint(beside.X, open('data.csv').read())"}
    files |= {"app/beside.py": b"X = 7", "data.csv": b"1,2"}
    assert run(node, command="app/run.py", files=files)["result"] == "7 1,2"


def test_a_traceback_names_the_file_and_its_line(node):
    report = run(node, command="breaks.py", files={"breaks.py": b"def f():\n    return 1 / 0\n\nf()\n"})
    assert (report["outcome"], report["reason"]) == ("failed", "user_error")
    assert '/breaks.py", line 2, in f\n    return 1 / 0' in report["error"]
    assert report["error"].endswith("ZeroDivisionError: division by zero")
    assert "child.py" not in report["error"]


def test_a_file_that_is_not_there_is_said_so(node):
    report = run(node, command="process_data.py")
    assert (report["outcome"], report["exit_code"], report["error"]) == ("failed", 2, "no such file: process_data.py")


def test_code_leaves_a_file_of_its_own_name_alone(node):
    report = run(node, "print(open('main.py').read())", files={"main.py": b"theirs"})
    assert report["result"] == "theirs"


def test_files_that_exclude_each_other_are_the_tasks_own_fault(node):
    report = run(node, "print(1)", files={"a": b"x", "a/b": b"y"})
    assert (report["outcome"], report["reason"]) == ("failed", "user_error")
    assert "the file a/b cannot be laid" in report["error"]


def test_parameters_reach_code_a_file_and_a_shell(node):
    inline = run(node, SHOW, parameters=PARAMETERS)
    from_file = run(node, command="show.py", files={"show.py": SHOW.encode()}, parameters=PARAMETERS)
    from_shell = shell(node, 'printf %s "$IDLEGRID_PARAMETERS"', parameters=PARAMETERS)
    assert [json.loads(report["result"]) for report in (inline, from_file, from_shell)] == [PARAMETERS] * 3
    assert run(node, "from idlegrid import parameters\nprint(parameters())")["result"] == "{}"


def test_a_module_of_the_tasks_own_comes_before_ours(node):
    report = run(node, "import idlegrid\nprint(idlegrid.MINE)", files={"idlegrid.py": b"MINE = 1"})
    assert report["result"] == "1"


def test_processes_started_anew_have_the_parameters_too(node):
    code = (
        "import multiprocessing, idlegrid\ndef n(): print(idlegrid.parameters()['n'])\n"
        "if __name__ == '__main__':\n    p = multiprocessing.get_context('spawn').Process(target=n)\n"
        "    p.start()\n    p.join()"
    )
    assert run(node, code, parameters=PARAMETERS)["result"] == "3"


def test_a_shell_has_its_arguments_its_files_and_python(node):
    command = 'echo "$0 $# $1 $2"; cat data.txt; ./tool.sh; python3 -c "print(6 * 7)"; echo e >&2'
    files = {"data.txt": b"data\n", "tool.sh": b"#!/bin/sh\necho tool\n"}
    report = shell(node, command, arguments=["a b", "$HOME"], files=files)
    assert report["result"] == "sh 2 a b $HOME\ndata\ntool\n42"
    assert (report["outcome"], report["exit_code"]) == ("completed", 0)


def test_a_shells_status_signal_and_complaint_are_told_as_pythons_are(node):
    status = shell(node, "echo so far; echo 'it broke' >&2; exit 7")
    assert (status["outcome"], status["reason"], status["exit_code"]) == ("failed", "user_error", 7)
    assert (status["result"], status["error"]) == ("so far", "it broke")
    signal = shell(node, "kill -9 $$")
    assert (signal["exit_code"], signal["error"]) == (-9, "killed by signal 9")


def test_a_pipe_that_nobody_reads_ends_who_writes_to_it(node):
    assert shell(node, "yes | head -n 1")["result"] == "y"


@pytest.mark.parametrize(
    ("command", "more", "reason"),
    [
        ("sleep 100 & wait", {"timeout": 1.0}, "timeout"),
        ("yes", {}, "output_limit"),
        ("for n in $(seq 200); do sleep 100 & done; wait", {}, "process_limit"),
    ],
)
def test_a_shell_meets_the_limits(node, command, more, reason):
    assert shell(node, command, **more)["reason"] == reason


def test_what_a_shell_leaves_in_out_comes_back(node):
    attempt = node.grid.submit("", task_type="shell", command="mkdir out; echo x > out/a.txt")
    assert node.grid.report_of(attempt)["outcome"] == "completed"
    assert node.grid.files[attempt["run"]] == {"a.txt": b"x\n"}


def test_a_command_too_long_for_a_shell_is_the_tasks_own_fault(node):
    report = shell(node, "true " + "x" * 200_000)
    assert (report["outcome"], report["exit_code"]) == ("failed", 126)
    assert "cannot be given to a shell" in report["error"]
