"""What banks tell on their own: kept before it is acknowledged, applied afterwards, by whoever gets to it."""

from payments.inbox.accept import Inbox
from payments.inbox.worker import InboxWorker

__all__ = ["Inbox", "InboxWorker"]
