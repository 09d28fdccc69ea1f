"""A bank of the standard: it checks certificates, signatures and headers, asks payers on a page, and misbehaves."""

from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.server import BerlinGroupSimulator, start_simulator

__all__ = ["BerlinGroupSimulator", "Habits", "start_simulator"]
