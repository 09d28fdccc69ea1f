"""Until when somebody waits for what is being done, and a pool of connections that heeds it."""

from kernel.deadline.deadline import DeadlinePassed, check, lift, seconds_left, shorten

__all__ = ["DeadlinePassed", "check", "lift", "seconds_left", "shorten"]
