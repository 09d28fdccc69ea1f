"""A bank of the standard: it checks certificates, signatures and headers, asks payers on a page, and misbehaves."""

from adapters.berlin_group.simulator.door.certificates import kept_trust
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.server import BerlinGroupSimulator, settings_at, start_simulator

__all__ = ["BerlinGroupSimulator", "Habits", "kept_trust", "settings_at", "start_simulator"]
