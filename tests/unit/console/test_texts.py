import importlib.util
import re
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

from idlegrid_console import texts

ROOT = Path(__file__).parents[3]
REASONS = [
    "timeout", "cpu_limit", "memory_limit", "process_limit", "output_limit", "disk_limit", "host_memory_floor",
    "sandbox_failed", "user_error",
]  # fmt: skip


@pytest.fixture
def speaking():
    yield lambda locale: texts.speak_to(lambda: locale)
    texts.speak_to(lambda: None)


@pytest.fixture(scope="module")
def translations():
    """The script that keeps the catalogues."""
    spec = importlib.util.spec_from_file_location("translations", ROOT / "scripts" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_message_is_translated_and_no_other_and_fills_in_the_same(translations):
    paths = translations.catalogues()
    assert {path.parts[-3] for path in paths} == set(texts.LANGUAGES) - {"en"}
    assert [problem for path in paths for problem in translations.problems(path)] == []


def test_the_check_finds_what_is_wrong(translations, tmp_path, monkeypatch):
    path = tmp_path / "zh" / "LC_MESSAGES" / "idlegrid.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid "Run {id}"\nmsgstr "任务 {number}"\n\nmsgid "gone"\nmsgstr "不再"\n', encoding="utf-8")
    monkeypatch.setattr(translations, "messages", lambda: {"Run {id}": ["a.py"], "Runs": ["a.py"]})
    translations.update(path)
    assert list(translations.problems(path)) == ["zh: not translated: Runs", "zh: does not fill in the same: Run {id}"]
    path.write_text('msgid "gone"\nmsgstr "不再"\n', encoding="utf-8")
    assert list(translations.problems(path))[-2:] == [
        "zh: no longer in the code: gone", "zh: the .mo is older than its .po",
    ]  # fmt: skip


def test_the_wheel_carries_the_catalogues(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT / "dashboard")
    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        assert "idlegrid_console/locale/zh/LC_MESSAGES/idlegrid.mo" in wheel.namelist()


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


@pytest.mark.parametrize(("address", "title"), [({"lang": "zh"}, "任务"), ({"lang": "xx"}, "Runs"), ({}, "Runs")])
def test_the_address_may_name_the_language(open_page, address, title):
    assert open_page("runs", **address).title[0].value == title


def test_a_chosen_language_stays_from_page_to_page_and_in_the_address(open_page):
    app = open_page("webhooks")
    app.segmented_control(key="language").set_value("zh").run()
    assert app.title[0].value == "Webhook"
    assert app.query_params["lang"] == "zh"
    assert app.switch_page("views/keys.py").run().title[0].value == "密钥"
    assert app.query_params["lang"] == "zh"
