"""How much memory is left for the owner."""

import time

from idlegrid_node.probes.reading import Reading


def free_memory() -> Reading:
    """Answer with the memory available without swapping, in percent of all."""
    import psutil

    memory = psutil.virtual_memory()
    return Reading(100.0 * memory.available / memory.total, "memory available", time.monotonic())
