"""Which probes of the owner's input there are on this platform: the one place that asks which it is."""

import sys
from collections.abc import Mapping
from typing import Protocol

from idlegrid_node.policy import Policy
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.watched import Probe

UNTRIED = {"darwin": "macOS", "win32": "Windows"}


class Kit(Protocol):
    """The probes of one platform."""

    @property
    def input(self) -> Mapping[str, Probe]:
        """Those that tell of input, by name; the latest of all counts."""

    @property
    def inhibitors(self) -> Probe:
        """The one that tells whether a program keeps the screen on."""

    def unseen(self, seen: Mapping[str, Reading]) -> str:
        """Return which desktop none of the readings can tell of, or ""."""

    def close(self) -> None:
        """End the probes' child processes."""


def kit(policy: Policy, platform: str = sys.platform) -> Kit:
    """Return the probes of a platform; nothing of the others is imported."""
    match platform:
        case "darwin":
            from idlegrid_node.probes.macos import MacKit

            return MacKit(policy)
        case "win32":
            from idlegrid_node.probes.windows import WindowsKit

            return WindowsKit(policy)
    from idlegrid_node.probes.linux import LinuxKit

    return LinuxKit(policy)


def experimental(platform: str = sys.platform) -> str:
    """Return why nobody should rely on a platform's probes yet, or ""."""
    name = UNTRIED.get(platform, "")
    return name and f"the probes for {name} follow its documents and have not been tried on one"
