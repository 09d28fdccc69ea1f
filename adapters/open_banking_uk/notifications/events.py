"""What a notification is about: resources of the bank that have changed, or whose access is over.

The names are those of "Event Notifications" of the standard, versions 3.1 and 4.0. Events and resources that we make no
use of are passed over: whoever subscribed us to them gets them acknowledged.
"""

from collections.abc import Iterator
from typing import Any

from adapters.contract import Evidence, Hint, Notified, Subject, Verdict
from adapters.open_banking_uk.notifications.tokens import Doubted, claims_of
from adapters.reading.strict import Unreadable, as_object, id_of

UPDATED = "urn:uk:org:openbanking:events:resource-update"
REVOKED = "urn:uk:org:openbanking:events:consent-authorization-revoked"
LINKED = "urn:uk:org:openbanking:events:account-access-consent-linked-account-update"
RESOURCE_ID, RESOURCE_TYPE, RESOURCE_LINKS = (f"http://openbanking.org.uk/{name}" for name in ("rid", "rty", "rlk"))
# The standard's own examples name resources in the singular and in the plural.
_SUBJECTS = {
    "domestic-payment": Subject.PAYMENT,
    "domestic-scheduled-payment": Subject.PAYMENT,
    "account-access-consent": Subject.ACCOUNT_CONSENT,
}


def parse(raw: bytes) -> Notified:
    """What the token names. Never raises; the payment's state is in none of it."""
    try:
        events = as_object(claims_of(raw).get("events"))
    except (Doubted, Unreadable):
        events = {}
    return Notified(evidence=Evidence(verdict=Verdict.UNKNOWN), hints=tuple(dict.fromkeys(_hints(events))))


def _hints(events: dict[str, Any]) -> Iterator[Hint]:
    for name in (UPDATED, REVOKED, LINKED):
        if name in events:
            # Where both are told, the end of an authorisation is told of the resource that the update names.
            hint = _hint(events[name], ended=name == REVOKED) or _hint(events.get(UPDATED), ended=name == REVOKED)
            if hint is not None:
                yield hint


def _hint(event: object, *, ended: bool) -> Hint | None:
    try:
        subject = as_object(as_object(event).get("subject"))
        about = _SUBJECTS.get(str(subject.get(RESOURCE_TYPE)).removesuffix("s"))
        return None if about is None else Hint(about=about, id=id_of(subject.get(RESOURCE_ID)), ended=ended)
    except Unreadable:
        return None
