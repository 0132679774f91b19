"""What stands behind a run's page and the acts on several runs: filters, log, result, timeline, use of resources."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from idlegrid import Conflict, RunFile, Unreachable
from idlegrid_console.data import files, run_batch, run_filters, run_log, run_result, run_timeline, run_usage
from idlegrid_console.data.run_filters import Filters

BEGAN = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


def story(*events):
    """Events, each as its second and its name."""
    return [{"timestamp": (BEGAN + timedelta(seconds=second)).isoformat(), "event": name} for second, name in events]


def life(run, now=100):
    """The spells as kind, first second, last second, attempt."""
    spells = run_timeline.spells(run, BEGAN + timedelta(seconds=now))
    return [(one.kind, (one.begin - BEGAN).seconds, (one.end - BEGAN).seconds, one.attempt) for one in spells]


def page(*texts, first=0, finished=False):
    items = [{"id": first + place, "stream": "stdout", "text": text} for place, text in enumerate(texts)]
    return {"items": items, "finished": finished}


@pytest.mark.parametrize(
    "wanted",
    [Filters(), Filters("failed", "a b", "ada", "lab-07", 4, "7d", "oldest", 50, 3), Filters(search="&?=%", page=2)],
)
def test_an_address_gives_back_the_filters_that_made_it(wanted):
    assert run_filters.of_address(run_filters.for_address(wanted)) == wanted


def test_the_usual_filters_need_no_address_and_ask_for_all():
    assert run_filters.for_address(Filters()) == {}
    asked = run_filters.question(Filters())
    assert {name for name, value in asked.items() if value} == {"page", "size", "sort", "order"}


def test_an_act_touches_only_those_runs_that_it_can():
    chosen = {3: "running", 1: "completed", 2: "pending"}
    assert run_batch.to_cancel(chosen) == run_batch.Plan((2, 3), (1,))
    assert run_batch.to_restart(chosen) == run_batch.Plan((1,), (2, 3))


def test_a_question_about_many_runs_does_not_name_them_all():
    plan = run_batch.to_cancel(dict.fromkeys(range(25), "running"))
    assert run_batch.cancel_words(plan).endswith("18, 19 and 5 more.")


class Grumpy:
    """A client that refuses run 2 and is away from run 3 on."""

    def __init__(self):
        self.asked = []

    def cancel(self, run_id):
        self.asked.append(run_id)
        if run_id >= 3:
            raise Unreachable("nobody answers")
        if run_id == 2:
            raise Conflict(409, "not now")
        return True


def test_what_an_act_came_to_is_told_for_each_run_and_nobody_is_waited_for_twice():
    client = Grumpy()
    outcomes = run_batch.cancel(client, (1, 2, 3, 4))
    assert [(one.run_id, one.done) for one in outcomes] == [(1, True), (2, False), (3, False), (4, False)]
    assert client.asked == [1, 2, 3]
    assert run_batch.summary(outcomes) == "1 done, 3 refused"
    assert list(run_batch.table(outcomes)["id"]) == [2, 3, 4, 1]


def test_a_log_grows_by_what_is_new():
    log = run_log.joined(run_log.Log(1), page("a\n", "b\x07\n"), 1000)
    assert (log.text(), log.last, log.begun_late, log.finished) == ("a\nb\\x07\n", 1, False, False)
    log = run_log.joined(log, page("b\x07\n", "c", first=1, finished=True), 1000)
    assert (log.text(), log.finished) == ("a\nb\\x07\nc", True)
    assert log.text("stderr") == ""


def test_a_log_says_that_it_began_before_what_is_known():
    log = run_log.joined(run_log.Log(1), page("y", "z", first=7, finished=True), 2)
    assert (log.begun_late, log.finished) == (True, True)
    assert not run_log.joined(log, page("1", "2", first=9, finished=True), 2).finished


def test_a_search_finds_lines_in_any_case_and_cuts_long_ones_around_the_match():
    found = run_log.search("one\nTwo\ntwo more", "TWO")
    assert (found.text, found.number, found.lines) == ("Two\ntwo more", 2, 3)
    (line,) = run_log.search("x" * 100_000 + "needle" + "y" * 100_000, "needle").text.splitlines()
    assert "needle" in line
    assert len(line) <= run_log.LONGEST_LINE + 2
    assert run_log.search("hit\n" * 2000, "hit").text.count("hit") == run_log.MOST_FOUND


def test_a_whole_log_is_cut_at_its_cap_and_never_within_a_character():
    assert run_log.cut(["ab", "c"]) == b"abc"
    assert len(run_log.cut(["x" + "é" * run_log.CAP_BYTES])) == run_log.CAP_BYTES - 1
    assert run_log.cut(["\ud800"]) == b"?"


def test_json_is_a_tree_whose_texts_are_visible_and_whose_numbers_are_exact():
    given = {"a\x1b": ["\u202e", 1.5, True, None, 2**60], "deep": {"x": 1}}
    assert run_result.of_text(json.dumps(given)).value == {
        r"a\x1b": [r"\u202e", 1.5, True, None, str(2**60)], "deep": {"x": 1},
    }  # fmt: skip
    assert run_result.of_text("[NaN, 1e999]").value == ["NaN", "inf"]


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "42", "{broken", "[" * 100_000, "[" * 50 + "]" * 50, json.dumps(list(range(9000))),
     "[1]" + " " * 200_000, "Hello, world\nfoo, bar", "a,b\n1,2,3", "just\nlines", "a,a\n1,2", '"a,b\n', "x" * 200_001],
)  # fmt: skip
def test_whatever_is_neither_tree_nor_table_or_is_too_much_is_text(text):
    assert run_result.of_text(text) is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_keeps_numbers_as_numbers_and_texts_as_texts(delimiter):
    lines = (["step", "note"], ["1", '"<b>\x1b"'], ["2", "x"])
    table = run_result.of_text("\r\n".join(delimiter.join(line) for line in lines))
    assert table.frame.to_numpy().tolist() == [[1, r"<b>\x1b"], [2, "x"]]
    assert table.rows == 2


def test_of_a_long_table_the_first_rows_are_shown():
    table = run_result.of_text("a,b\n" + "1,2\n" * 5000)
    assert (len(table.frame), table.rows) == (run_result.MOST_ROWS, 5000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_known_by_its_bytes(kind):
    content = io.BytesIO()
    Image.new("RGB", (3, 2)).save(content, kind)
    assert run_result.picture(content.getvalue()) == kind


def test_nothing_else_is_a_picture():
    huge = b"GIF89a\xff\xff\xff\xff\x00\x00\x00"
    for content in (b"", b"<svg/>", b"<html>", b"\x89PNG\r\n\x1a\n", b"RIFF....WAVE", b"BM" + bytes(50), huge):
        assert run_result.picture(content) is None


def test_only_small_files_that_may_be_pictures_are_fetched():
    listed = [
        RunFile("a.svg", 9),
        RunFile("b.PNG", 9),
        RunFile("c.jpg", 10**8),
        RunFile("d.webp", 9),
        RunFile("e.gif", 9),
    ]
    assert files.pictures(listed, 2) == [1, 3]
    assert [files.readable(RunFile(name, size)) for name, size in (("a.csv", 9), ("a.csv", 10**6), ("a.html", 9))] == [
        True, False, False,
    ]  # fmt: skip


def test_a_runs_life_has_no_gaps_and_knows_who_froze_and_evicted_it():
    run = {
        "attempt_list": [{"number": 1, "worker_id": "a"}, {"number": 2, "worker_id": "b"}],
        "events": story(
            (0, "created"), (5, "lease"), (10, "frozen"), (12, "thawed"), (15, "checkpoint"), (20, "evict"),
            (30, "lease"), (31, "resumed"), (40, "complete"),
        ),
    }  # fmt: skip
    assert life(run) == [
        ("queued", 0, 5, 0), ("running", 5, 10, 1), ("frozen", 10, 12, 1), ("running", 12, 20, 1),
        ("queued", 20, 30, 0), ("running", 30, 40, 2),
    ]  # fmt: skip
    assert [(mark.kind, mark.attempt) for mark in run_timeline.marks(run)] == [("checkpoint", 1), ("evict", 1)]


def test_a_run_that_waits_for_another_or_for_its_retry_is_held_back():
    assert life({"events": story((0, "created"), (7, "release"))}) == [("held", 0, 7, 0), ("queued", 7, 100, 0)]
    run = {"attempt_list": [{"number": 1}], "events": story((0, "created"), (1, "lease"), (2, "retry"), (9, "release"))}
    assert life(run)[2:] == [("held", 2, 9, 0), ("queued", 9, 100, 0)]


def test_a_story_of_many_lines_makes_a_chart_of_bounded_size():
    comings = [(second, ("frozen", "thawed")[second % 2]) for second in range(2, 3000)]
    run = {
        "attempt_list": [{"number": 1, "worker_id": "<b>x</b>"}],
        "events": story((0, "created"), (1, "lease"), *comings, *((3000 + n, "checkpoint") for n in range(1440))),
    }
    assert len(run_timeline.spells(run, BEGAN)) == run_timeline.MOST_SPELLS
    signs = run_timeline.marks(run)
    assert 100 < len(signs) <= run_timeline.MOST_MARKS
    drawn = run_timeline.figure(run, BEGAN + timedelta(hours=2), "Asia/Shanghai")
    assert "&lt;b&gt;x" in drawn.layout.yaxis.categoryarray[0]
    assert "<b>x" not in drawn.to_json()


def test_the_newest_attempts_are_drawn_and_the_others_counted():
    leases = [(2 * n, ("lease", "lose")[n % 2]) for n in range(60)]
    run = {"attempt_list": [{"number": n} for n in range(1, 31)], "events": story(*leases)}
    drawn = run_timeline.figure(run, BEGAN + timedelta(hours=1))
    assert len(drawn.layout.yaxis.categoryarray) == run_timeline.MOST_ATTEMPTS + 1
    assert run_timeline.left_out(run) == 10
    assert run_timeline.figure({}, BEGAN) is None


def test_cores_are_the_rate_of_cpu_time_and_the_charts_show_what_was_asked_for():
    usage = {
        "attempts": [{"number": 1, "points": []}, {"number": 2, "points": [[2, 1, 20, 2], [4, 4, 30, 2], [4, 5, 9, 1]]}]
    }
    (shown,) = run_usage.series(usage)
    assert (shown.number, shown.cores, shown.memory) == (2, (0.5, 1.5, 0.0), (20, 30, 9))
    lines = [(line.name, list(line.y)) for line in run_usage.cores([shown], 2).data]
    assert lines == [("attempt 2", [0.5, 1.5, 0.0]), ("asked for", [2, 2])]
    assert len(run_usage.memory([shown], None).data) == 1
    assert run_usage.series({}) == []
