"""Which changes of a payment merchants are told, and as what. Pure."""

from datetime import datetime

from kernel.ids import new_id
from payments.rows import PaymentRow
from payments.states.names import STATUS_SENTENCES, PaymentStatus
from payments.view import PaymentView
from webhooks.events.model import NewEvent
from webhooks.queue.port import Priority

# That a call is in flight is no news: its outcome, also an unknown one, is.
SILENT_STATUSES = frozenset({PaymentStatus.SUBMITTING})
# Told once for each reason, beside the status.
NEEDS_OPERATOR = "payment.needs_operator"
# The types of events that this room emits, and what each says.
EVENT_SENTENCES = {
    f"payment.{status}": sentence for status, sentence in STATUS_SENTENCES.items() if status not in SILENT_STATUSES
} | {NEEDS_OPERATOR: "Something about it is open that no machine can end; two persons look into it."}


def is_news(status: PaymentStatus, submission_sequence: int) -> bool:
    """Whether reaching this status is told. That a payment waits is told once, not after every try in vain."""
    waits_still = status is PaymentStatus.QUEUED and submission_sequence > 1
    return status not in SILENT_STATUSES and not waits_still


def news_of(view: PaymentView, payment: PaymentRow, now: datetime, *, type_: str | None = None) -> NewEvent:
    """`payment.<status>` with the payment as its data; ordered by payment where the endpoint wants order.

    What happens to money goes before what partners publish.
    """
    return NewEvent(
        tenant=payment.tenant,
        id=new_id(now),
        type=type_ or f"payment.{payment.status}",
        merchant_id=payment.merchant_id,
        occurred_at=now,
        data=view.to_json(),
        ordering_key=payment.id,
        priority=Priority.HIGH,
    )
