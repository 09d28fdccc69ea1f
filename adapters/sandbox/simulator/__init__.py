"""The sandbox bank itself: a realistic JSON bank that keeps books in memory and misbehaves on command or by amount."""

from adapters.sandbox.simulator.server import SandboxSimulator, start_simulator

__all__ = ["SandboxSimulator", "start_simulator"]
