"""What the operator pushes of the policy: kept in the data folder, so that it holds without the coordinator, too."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog

from idlegrid_node.errors import SettingsError
from idlegrid_node.layers import AT_START, NOTHING, Operators, Owners, merged, overruled, sentence, settled
from idlegrid_node.policy import Policy
from idlegrid_node.settings import Settings, write_whole

log = structlog.get_logger()
FILE = "pushed.json"
LARGEST = 2**53
"""What any reader of JSON tells from its neighbours; there is no infinity in JSON."""
MOST_CHARACTERS = 32 * 1024
"""Of the values that are told: half of what a coordinator takes."""

Json = dict[str, Any]


def read(folder: Path) -> Operators:
    """Return what was kept; nothing where nothing was, or nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads((folder / FILE).read_text("utf-8"))
        return Operators(dict(kept["values"]), str(kept["refused"]))
    return NOTHING


def keep(folder: Path, said: Operators) -> None:
    """Write it down. Raises OSError."""
    if said == NOTHING:
        (folder / FILE).unlink(missing_ok=True)
    else:
        write_whole(folder / FILE, json.dumps({"values": dict(said.values), "refused": said.refused}))


def values_as_json(policy: Policy) -> Json:
    """Return a policy's values by name; a number that JSON has no room for becomes a text."""
    values = {name: _plain(value) for name, value in asdict(policy).items()}
    fits = len(json.dumps(values)) <= MOST_CHARACTERS
    return values if fits else {name: value for name, value in values.items() if not isinstance(value, str | list)}


class PushedPolicy:
    """The policy in effect, which follows what the coordinator's answers say. For the heart's thread alone."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.folder
        self._owners = settings.owners or Owners(settings.policy, {})
        self.policy, self._said = settled(self._owners, read(settings.folder))
        self._fixed = {name: getattr(self.policy, name) for name in AT_START}
        self._wanted: Mapping[str, Any] | None = None  # whatever the first answer brings is looked at anew

    def take(self, wanted: Mapping[str, Any]) -> bool:
        """Take what an answer brings, nothing for none; True when that changes the policy in effect.

        What is refused is refused whole, and what held before goes on holding.
        """
        if wanted == self._wanted:
            return False
        self._wanted = wanted
        before = self.policy
        try:
            self.policy = replace(merged(self._owners, wanted), **self._fixed)
            self._note(Operators(wanted, overruled(self._owners, wanted)))
        except SettingsError as error:
            self._note(Operators(self._said.values, sentence(error)))
        return self.policy != before

    def as_json(self) -> Json:
        """Return what a heartbeat says of it."""
        return {"values": values_as_json(self.policy), "refused": self._said.refused}

    def _note(self, said: Operators) -> None:
        if said == self._said:
            return
        self._said = said
        log.info("policy_pushed", action="policy", values=dict(said.values), refused=said.refused)
        try:
            keep(self._folder, said)
        except OSError as error:
            log.warning("policy_not_kept", action="policy", reason=str(error))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if type(value) in {int, float} and not value <= LARGEST else value
