import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import idlegrid_console
from idlegrid_console import texts
from idlegrid_console.chinese import CHINESE

REASONS = [
    "timeout", "cpu_limit", "memory_limit", "process_limit", "output_limit", "disk_limit", "host_memory_floor",
    "sandbox_failed", "user_error",
]  # fmt: skip


@pytest.fixture
def speaking():
    yield lambda locale: texts.speak_to(lambda: locale)
    texts.speak_to(lambda: None)


def messages():
    """All that the code marks for translation."""
    for path in Path(idlegrid_console.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            marked = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"_", "n_"}
            if marked and isinstance(call.args[0], ast.Constant):
                yield call.args[0].value


def places(message):
    """What a message leaves to be filled in, and what it puts in code."""
    fields = (
        [] if '{"name"' in message else [(field, form) for _, field, form, _ in Formatter().parse(message) if field]
    )
    return sorted(fields), re.findall(r"`[^`]+`", message)


def test_every_message_is_there_in_chinese_and_no_other():
    assert set(messages()) - set(CHINESE) == set()
    assert set(CHINESE) - set(messages()) == set()


@pytest.mark.parametrize("message", sorted(CHINESE))
def test_a_translation_fills_in_the_same(message):
    assert places(CHINESE[message]) == places(message)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_told_in_words_in_both_languages(speaking, reason):
    english = texts.name(reason, texts.RUN_REASON)
    speaking("zh-CN")
    chinese = texts.name(reason, texts.RUN_REASON)
    assert english.isascii()
    assert re.search("[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize(
    ("locale", "shown"), [("zh-CN", "提交"), ("zh", "提交"), ("en-US", "Submit"), ("sw", "Submit"), (None, "Submit")]
)
def test_the_visitors_browser_chooses_the_language(speaking, locale, shown):
    speaking(locale)
    assert texts._("Submit") == shown
