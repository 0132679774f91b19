"""Looking at the machine: small probes, none of which is trusted to answer."""

from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.watched import Watched

__all__ = ["Reading", "Watched"]
