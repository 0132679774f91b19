"""What an assistant is given of a long answer, and what it is told of the rest."""

from idlegrid_server.http.mcp import shaping
from idlegrid_server.http.mcp.shaping import MAX_ENTRIES, MAX_TEXT
from idlegrid_server.http.mcp.tools import TOOLS


def pieces(*texts: str) -> list[dict]:
    return [{"id": number, "text": text} for number, text in enumerate(texts)]


def page(*texts: str, finished: bool = True) -> dict:
    items = pieces(*texts)
    return {"items": items, "last": items[-1]["id"], "finished": finished}


def texts(answer: dict) -> list[str]:
    return [item["text"] for item in answer["items"]]


def run(**words: object) -> dict:
    usual = {"id": 7, "code": "print(1)", "result": "1", "parameters": {}, "error_message": None, "logs": []}
    return {**usual, "attempt_list": [], "events": [], **words}


def test_a_run_that_is_small_stays_as_it_is():
    assert shaping.run(run()) == {**run(), "cut": []}


def test_of_a_result_the_beginning_stays_and_of_an_error_the_end():
    answer = shaping.run(run(result="a" + "b" * MAX_TEXT, error_message="a" * MAX_TEXT + "b"))
    assert answer["result"] == "a" + "b" * (MAX_TEXT - 1)
    assert answer["error_message"] == "a" * (MAX_TEXT - 1) + "b"
    assert answer["cut"] == ["result", "error_message"]


def test_large_parameters_become_the_beginning_of_their_text():
    answer = shaping.run(run(parameters={"a": "b" * MAX_TEXT}))
    assert answer["parameters"] == '{"a": "' + "b" * (MAX_TEXT - 7)
    assert answer["cut"] == ["parameters"]


def test_of_a_runs_log_and_story_the_end_stays():
    lines = [{"message": "x" * (MAX_TEXT // 2) + str(number)} for number in range(3)]
    answer = shaping.run(run(logs=lines, events=list(range(MAX_ENTRIES + 5))))
    assert sum(len(line["message"]) for line in answer["logs"]) == MAX_TEXT
    assert answer["logs"][-1] == lines[-1]
    assert answer["events"] == list(range(5, MAX_ENTRIES + 5))
    assert answer["cut"] == ["logs", "events"]


def test_the_last_lines_are_counted_within_pieces():
    answer = shaping.end_of_log(page("1\n2\n", "3\n", "4\n5"), 3)
    assert (texts(answer), answer["last"], answer["cut"]) == (["3\n", "4\n5"], 2, False)
    answer = shaping.end_of_log(page("1\n2\n", "3\n4\n"), 3)
    assert (texts(answer), answer["last"], answer["cut"]) == (["2\n", "3\n4\n"], 1, False)


def test_a_log_that_is_too_long_loses_its_beginning_and_says_so():
    answer = shaping.end_of_log(page("a" * MAX_TEXT, "b" * MAX_TEXT, "end\n"), 100)
    assert texts(answer) == ["b" * (MAX_TEXT - 4), "end\n"]
    assert (answer["last"], answer["cut"], answer["finished"]) == (2, True, True)


def test_who_reads_on_misses_nothing_that_has_no_room():
    given = page("a" * (MAX_TEXT - 1), "bb", "c")
    answer = shaping.next_of_log(given)
    assert (texts(answer), answer["last"]) == (["a" * (MAX_TEXT - 1)], 0)
    assert (answer["cut"], answer["finished"]) == (True, False)
    assert shaping.next_of_log(page("a", "b")) == {**page("a", "b"), "cut": False}


def test_a_piece_that_is_too_long_by_itself_does_not_hold_up_the_rest():
    answer = shaping.next_of_log(page("a" * (MAX_TEXT + 1)))
    assert (texts(answer), answer["last"]) == (["a" * MAX_TEXT], 0)
    assert (answer["cut"], answer["finished"]) == (True, True)


def test_each_tool_and_each_of_its_arguments_is_described():
    for tool in TOOLS.values():
        assert len(tool.description) > 80, tool.name
        arguments = tool.takes.model_json_schema()["properties"]
        assert [name for name, words in arguments.items() if not words.get("description")] == [], tool.name
