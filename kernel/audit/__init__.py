"""The audit log: who changed or saw what.

Entries are committed with the change that they tell of (entry.py). Then one writer chains them by hashes and signs
the chain's head (writer.py), so that whoever changes, reorders or removes what was written is found (verifier.py).
What that proves and what it cannot: docs/decisions, "The audit log is chained after the commit".
"""

from kernel.audit.entry import AuditEntry, Connection, record

__all__ = ["AuditEntry", "Connection", "record"]
