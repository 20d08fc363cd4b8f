"""Rules for the weight of the KL, from the literature."""

from hiervae_controllers.capacity import Capacity
from hiervae_controllers.cyclical import Cyclical
from hiervae_controllers.free_bits import FreeBits
from hiervae_controllers.pid import PID
from hiervae_controllers.rewo_later import LaterREWO

__all__ = ["PID", "Capacity", "Cyclical", "FreeBits", "LaterREWO"]
