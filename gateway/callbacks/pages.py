"""What a payer's browser is shown or sent to. Nothing of it is loaded from anywhere, and nothing is told to others."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

from markupsafe import Markup

from accounts.model import Returned
from gateway.http.call import Reply
from kernel.ids import Kind, to_text
from payments.journeys.returning import Arrival, Reception
from payments.states.names import STATUS_SENTENCES, PaymentStatus

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>'
    "<body><h1>{title}</h1>{text}{link}</body></html>\n"
)
_LINK = Markup('<p><a rel="noreferrer" href="{}">Go back to where you came from</a></p>')


@dataclass(frozen=True, slots=True)
class _Words:
    """A page that says why nothing came of a return."""

    status: HTTPStatus
    title: str
    text: str


_OPEN = frozenset(
    {
        PaymentStatus.CREATED,
        PaymentStatus.QUEUED,
        PaymentStatus.SCHEDULED,
        PaymentStatus.SUBMITTING,
        PaymentStatus.AWAITING_AUTHORISATION,
        PaymentStatus.OUTCOME_UNKNOWN,
    }
)
_UNKNOWN = _Words(
    HTTPStatus.BAD_REQUEST,
    "We do not know this address",
    "It belongs to no payment and to no consent of this bank. Nothing was changed. Start again where you came from.",
)
_FOREIGN = _Words(
    HTTPStatus.BAD_REQUEST,
    "This answer is not from your bank",
    "Somebody else signed it. Nothing was changed. Start again where you came from.",
)
_WORDS = {
    Reception.INCOMPLETE: _Words(
        HTTPStatus.BAD_REQUEST,
        "Your bank's answer is not complete",
        "Nothing was done, and nothing is lost: go back to your bank's page and try once more.",
    ),
    Reception.FAILED: _Words(
        HTTPStatus.BAD_REQUEST,
        "Your bank could not do this now",
        "Nothing was done, and nothing is lost: go back to your bank's page and try once more.",
    ),
    Reception.OVER: _Words(
        HTTPStatus.GONE,
        "This came too late",
        "The time for it is over, and nothing was done. Start again where you came from.",
    ),
}


def unknown() -> Reply:
    """For a state that nobody was sent out with, or none."""
    return _page(_UNKNOWN)


def foreign() -> Reply:
    """For an answer of another issuer than the bank's (RFC 9207 §2.4)."""
    return _page(_FOREIGN)


def of_payment(arrival: Arrival) -> Reply:
    """On to where the partner wants the payer, or a page that says how the payment stands."""
    payment_id = to_text(Kind.PAYMENT, arrival.payment_id, arrival.environment)
    known = {"payment_id": payment_id, "status": arrival.status.value}
    onward = None if arrival.return_url is None else with_query(arrival.return_url, known)
    return _of(arrival.reception.value, onward, _standing(payment_id, arrival.status))


def _standing(payment_id: str, status: PaymentStatus) -> str:
    """What the payer just decided goes on without them, so they are not told that they are still waited for."""
    if status in _OPEN:
        return f"You are back from your bank. Whoever asked you to pay hears what becomes of payment {payment_id}."
    return f"Payment {payment_id} is {status.value.replace('_', ' ')}: {STATUS_SENTENCES[status]}"


def of_consent(returned: Returned) -> Reply:
    """The same for the holder of an account, whose partner always says where they go."""
    consent = returned.consent
    known = {
        "consent_id": to_text(Kind.CONSENT, consent.id, consent.environment),
        "status": consent.status.value,
    }
    return _of(returned.reception.value, with_query(returned.return_url.reveal(), known), "")


def _of(reception: str, onward: str | None, standing: str) -> Reply:
    if reception != Reception.TAKEN:
        return _page(_WORDS[Reception(reception)], onward)
    if onward is not None:
        return Reply(b"", HTTPStatus.SEE_OTHER, {**_HTML, "Location": onward})
    return _page(_Words(HTTPStatus.OK, "You can close this page", standing))


def with_query(url: str, known: dict[str, str]) -> str:
    """The URL with these parameters after its own."""
    parts = urlsplit(url)
    query = "&".join(each for each in (parts.query, urlencode(known)) if each)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _page(words: _Words, onward: str | None = None) -> Reply:
    link = Markup("") if onward is None else _LINK.format(onward)
    text = Markup("<p>{}</p>").format(words.text)
    return Reply(_PAGE.format(title=words.title, text=text, link=link).encode(), words.status, _HTML)
