"""What nodes were over time, as charts and in words."""

from datetime import timedelta

import pytest

from idlegrid_console.data import node_figures, node_texts, system_figures


@pytest.fixture
def history(grid_answers):
    return grid_answers.history_answer


def test_a_nodes_band_has_its_states_in_their_colours_on_the_visitors_clock(history):
    figure = node_figures.bands(history(a=["idle", "running"], b=["busy"]), "Asia/Tokyo")
    assert [(trace.name, trace.marker.color) for trace in figure.data] == [
        ("idle", "#2a9d6f"), ("running", "#3d7dca"), ("busy", "#e0a030"),
    ]  # fmt: skip
    (idle, *_) = figure.data
    assert str(idle.base[0]).startswith("2025-03-04T19:00:00")
    assert [end.isoformat() for end in figure.layout.xaxis.range] == ["2025-03-04T19:00:00", "2025-03-04T20:00:00"]
    assert figure.layout.uirevision == "constant"


def test_spells_too_short_to_be_seen_belong_to_the_one_before(history):
    (worker,) = history(a=["idle", "busy"] * 500)["workers"]
    assert len(node_figures.coarser(worker["spells"], timedelta(seconds=1))) == 1000
    assert len(node_figures.coarser(worker["spells"], timedelta(seconds=9))) == 1
    (one,) = history(a=["idle"] * 5)["workers"]
    (whole,) = node_figures.coarser(one["spells"], timedelta())
    assert whole["to"] - whole["from"] == timedelta(hours=1)


def test_what_nodes_say_of_themselves_brings_no_markup_into_a_chart(history):
    figure = node_figures.bands(history(**{"<a href='x'>n</a>": ["<b>idle</b>"]}))
    assert "<a" not in figure.to_json()
    assert "<b>" not in figure.to_json().replace("<br>", "")


def test_bands_are_told_in_words_longest_state_first(history):
    assert node_texts.said_of_bands(history(a=["idle", "busy", "idle"], b=[])) == (
        "What nodes were over time: a: idle 40 min, busy 20 min; b: –"
    )
    assert node_texts.said_of_bands({}).endswith("nothing is known")


def test_nodes_over_time_are_stacked_by_kind_and_kinds_that_never_were_are_left_out(grid_answers):
    samples = grid_answers.overview_answer(idle=2, lost=1)["samples"]
    figure = node_figures.nodes_over_time(samples, None)
    assert [(trace.name, list(trace.y)) for trace in figure.data] == [
        ("idle", [None, 2, 2, 2]), ("lost", [None, 1, 1, 1]),
    ]  # fmt: skip
    assert [time.isoformat() for time in figure.data[0].x][:2] == ["2025-03-04T10:00:00", "2025-03-04T10:00:20"]
    assert node_texts.said_of_kinds({"idle": 2, "lost": 1, "away": 0}) == "Nodes: 2 idle, 1 lost"


def test_what_was_harvested_is_in_core_hours(grid_answers):
    usage = grid_answers.usage_answer(3600, 1800)
    assert list(system_figures.harvest(usage).data[0].y) == [1.0, 0.5]
    assert node_texts.harvest_title(usage) == "Harvested in 24 hours: 1 h 30 min of core time"
    assert node_texts.said_of_harvest(usage) == "Harvested in 2 hours: 1 h 30 min of core time by 4 attempts"


@pytest.mark.parametrize("answer", [{}, {"workers": []}, {"start": None, "nodes": {}, "hours": [{"start": "x"}]}])
def test_every_chart_can_be_drawn_from_what_there_is(answer):
    for figure in (node_figures.nodes_over_time(answer), system_figures.harvest(answer), node_figures.bands(answer)):
        assert figure.to_json()
