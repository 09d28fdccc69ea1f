"""Work beside the requests: what is read again and again, and how tasks are ended."""

from kernel.tasks.ending import end
from kernel.tasks.rereading import Rereader

__all__ = ["Rereader", "end"]
