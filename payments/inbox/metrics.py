"""What the inbox counts."""

from prometheus_client import CollectorRegistry, Counter


def notification_counter(registry: CollectorRegistry) -> Counter:
    """What became of notifications, by bank: refused, applied, asked about, ignored, erased, left to persons.

    Only banks that are configured are named.
    """
    sentence = "Notifications of banks by what became of them."
    return Counter("threadneedle_bank_notifications", sentence, ("bank_id", "outcome"), registry=registry)
