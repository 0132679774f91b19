"""Keep the console's catalogues: `python scripts/translations.py [--check]`. Needs Babel.

Extracts the messages from the console's code, brings each `.po` in `locale/` up to date with them (messages that are
gone are dropped, new ones stand there without a translation), and compiles the `.mo` beside it. Edit the `.po`, then
run this again. `--check` changes nothing and says what is wrong; the exit status is 1 if anything is.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).resolve().parent.parent / "dashboard" / "idlegrid_console"
LOCALE = CONSOLE / "locale"
DOMAIN = "idlegrid"
MARKS = {"_": None, "n_": None}
"""The functions that mark a message (the console's texts.py)."""

UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
"""For all of a catalogue's dates: what changes with each run says nothing, and makes every change a conflict."""

PO_HEADER = """\
# The console's words in {name}, by their English.
# Kept by scripts/translations.py."""

_CODE = re.compile(r"`[^`]+`")


def main() -> int:
    """Update, or check; print a line for each thing that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    if not parser.parse_args().check:
        for path in catalogues():
            update(path)
    wrong = [problem for path in catalogues() for problem in problems(path)]
    print("\n".join(wrong) or "every message is translated")
    return int(bool(wrong))


def catalogues() -> list[Path]:
    """The `.po` of each language."""
    return sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def messages() -> dict[str, list[str]]:
    """All that the console's code marks, each with the files that do."""
    found: dict[str, set[str]] = {}
    for file, _line, message, _comments, _context in extract_from_dir(CONSOLE, keywords=MARKS):
        found.setdefault(str(message), set()).add(file)
    return {message: sorted(files) for message, files in sorted(found.items())}


def update(path: Path) -> None:
    """Bring a `.po` up to date with the code, and its `.mo` with it."""
    known = _read(path)
    made = Catalog(
        locale=known.locale, domain=DOMAIN, project="idlegrid-console", version="1", creation_date=UNDATED,
        revision_date=UNDATED, fuzzy=False, last_translator="-", language_team="-", msgid_bugs_address="-",
        header_comment=PO_HEADER.format(name=known.locale.english_name if known.locale else path.parts[-3]),
    )  # fmt: skip
    for message, files in messages().items():
        old = known.get(message)
        made.add(message, old.string if old else "", locations=[(file, 0) for file in files])
    with path.open("wb") as file:
        write_po(file, made, width=120, include_lineno=False, sort_output=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, _read(path))


def problems(path: Path) -> Iterator[str]:
    """What is wrong with one language, each in a sentence."""
    translated, wanted, language = _entries(_read(path)), messages(), path.parts[-3]
    for message in wanted:
        if not translated.get(message):
            yield f"{language}: not translated: {message}"
    for message, words in translated.items():
        if message not in wanted:
            yield f"{language}: no longer in the code: {message}"
        elif words and places(words) != places(message):
            yield f"{language}: does not fill in the same: {message}"
    if not _is_fresh(path, translated):
        yield f"{language}: the .mo is older than its .po"


def places(message: str) -> tuple[list[tuple[str, str | None]], list[str]]:
    """What a message leaves to be filled in, and what it shows as code."""
    try:
        fields = sorted((field, form) for _, field, form, _ in Formatter().parse(message) if field)
    except ValueError:  # braces of its own: such a message is not filled in
        fields = []
    return fields, _CODE.findall(message)


def _is_fresh(path: Path, translated: dict[str, str]) -> bool:
    """By what is in it: the same catalogue is written in several ways."""
    with path.with_suffix(".mo").open("rb") as file:
        compiled = _entries(read_mo(file))
    return compiled == {message: words for message, words in translated.items() if words}


def _entries(catalogue: Catalog) -> dict[str, str]:
    return {str(entry.id): str(entry.string) for entry in catalogue if entry.id}


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain=DOMAIN)


if __name__ == "__main__":
    sys.exit(main())
