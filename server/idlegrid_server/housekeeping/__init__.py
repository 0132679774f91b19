"""What time does: expiry, delays, debts to the queue, rebuilds. A thread in each coordinator, never through Redis."""

from idlegrid_server.housekeeping.firing import Firer
from idlegrid_server.housekeeping.forgetting import Forgetter
from idlegrid_server.housekeeping.keeper import Keeper

__all__ = ["Firer", "Forgetter", "Keeper"]
