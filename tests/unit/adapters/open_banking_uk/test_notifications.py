"""Event notifications: signed tokens of the bank, for us and recent, that name resources and nothing more."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from adapters.contract import Hint, Receipt, Subject, Verdict
from adapters.open_banking_uk.mapping import adapter
from adapters.open_banking_uk.notifications.events import LINKED, RESOURCE_ID, RESOURCE_TYPE, REVOKED, UPDATED
from adapters.signing.detached_jws import IAT, ISS, REGISTRY, TAN, TRUST_ANCHOR, protected_header
from tests.support.bank_keys import signing_key
from tests.support.open_banking_uk import settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BANK_KEY_ID = json.loads(settings().options["bank_jwks"])["keys"][0]["kid"]
PLAIN = {"alg": "PS256", "kid": BANK_KEY_ID, "typ": "JWT"}
SIGNED_AS_ANSWERS = protected_header(BANK_KEY_ID, "bank", TRUST_ANCHOR, NOW, unencoded=False)


def subject(resource: str, id_: str) -> dict[str, Any]:
    named = {"subject_type": f"{RESOURCE_ID}_{RESOURCE_TYPE}", RESOURCE_ID: id_, RESOURCE_TYPE: resource}
    return {"subject": named}


def token(header: dict[str, Any] | None = None, key: RSAKey | None = None, **changes: Any) -> bytes:
    """A token as the standard's example has it; a claim that is changed to None is left out."""
    claims = {
        "iss": "https://auth.bank.example",
        "iat": int(NOW.timestamp()),
        "jti": "b460a07c-4962-43d1-85ee-9dc10fbb8f6c",
        "sub": "https://api.bank.example/open-banking/v4.0/pisp/domestic-payments/pmt-1",
        "aud": "client-1",
        "txn": "dfc51628-3479-4b81-ad60-210b43d02306",
        "toe": int(NOW.timestamp()),
        "events": {UPDATED: subject("domestic-payment", "pmt-1")},
    } | changes
    body = orjson.dumps({name: value for name, value in claims.items() if value is not None})
    whole = jws.serialize_compact(header or PLAIN, body, key or signing_key(), registry=REGISTRY)
    return whole.encode()


def receipt(raw: bytes, headers: dict[str, str] | None = None, **options: str) -> Receipt:
    return adapter().verify_notification(raw, headers or {}, settings(**options), NOW)


@pytest.mark.parametrize("header", [PLAIN, SIGNED_AS_ANSWERS, PLAIN | {"typ": "secevent+jwt"}])
def test_the_banks_token_is_believed(header: dict[str, Any]) -> None:
    """With the plain header of the standard's examples, and with the one that bodies are signed with."""
    assert receipt(token(header)).verified


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "unreadable"),
        (b"a.b.c", "unreadable"),
        (b"." * 70_000, "too_large"),
        (orjson.dumps({"iss": "https://auth.bank.example"}), "unreadable"),
        (token(key=RSAKey.generate_key(2048)), "bad_signature"),
        (token(PLAIN | {"kid": "another"}), "bad_signature"),
        (token(SIGNED_AS_ANSWERS | {TAN: "elsewhere.example"}), "bad_signature"),
        (token(SIGNED_AS_ANSWERS | {"crit": [IAT, ISS]}), "bad_signature"),
        (token({name: SIGNED_AS_ANSWERS[name] for name in ("alg", "kid", TAN)}), "bad_signature"),
        (token(PLAIN | {"typ": "at+jwt"}), "bad_signature"),
        (token(iss="https://other.example"), "wrong_issuer"),
        (token(aud="client-2"), "wrong_audience"),
        (token(aud=["client-2"]), "wrong_audience"),
        (token(aud=None), "wrong_audience"),
        (token(iat=int((NOW - timedelta(days=4)).timestamp())), "too_old"),
        (token(iat=int((NOW + timedelta(minutes=5)).timestamp())), "from_the_future"),
        (token(iat="1516239022"), "no_time"),
        (token(iat=True), "no_time"),
        (token(jti=None), "no_id"),
        (token(jti="x" * 129), "no_id"),
    ],
)
def test_what_is_not_the_banks_or_not_for_us_is_refused(raw: bytes, why: str) -> None:
    """Each with a code of its own, which tells an honest bank what to put right."""
    refused = receipt(raw)
    assert (refused.verified, refused.refused_why) == (False, why)
    assert refused.dedupe_key != receipt(token()).dedupe_key


def test_no_other_algorithm_is_believed() -> None:
    """Neither another one of the same key, nor none."""
    head, body, _ = token().split(b".")
    unsigned = b"eyJhbGciOiJub25lIn0." + body + b"."
    assert not receipt(unsigned).verified
    assert not receipt(head + b"." + body + b".").verified
    other = jws.serialize_compact({"alg": "RS256", "kid": BANK_KEY_ID}, b"{}", signing_key(), algorithms=["RS256"])
    assert not receipt(other.encode()).verified


def test_not_a_byte_can_be_changed() -> None:
    """A token that somebody bent on its way is nobody's."""
    head, body, proof = token().split(b".")
    bent = body[:40] + (b"A" if body[40:41] != b"A" else b"B") + body[41:]
    assert receipt(b".".join((head, bent, proof))).refused_why in {"bad_signature", "unreadable"}


def test_a_token_is_known_again_by_its_id() -> None:
    """Signed anew, or sent with another time, it is the same one."""
    again = token(SIGNED_AS_ANSWERS, iat=int(NOW.timestamp()) - 60)
    assert receipt(token()).dedupe_key == receipt(again).dedupe_key
    assert receipt(token()).dedupe_key != receipt(token(jti="another")).dedupe_key


def test_options_say_who_issues_and_for_whom() -> None:
    """A bank may name itself and us otherwise here than in its consents, and several of its customers in one token."""
    raw = token(iss="https://bank.example/", aud=["other", "organisation-1"])
    told = receipt(raw, notification_issuer="https://bank.example/", notification_audience="organisation-1")
    assert told.verified


def test_the_interaction_id_is_played_back() -> None:
    """As the standard wants; what cannot stand in a header is not."""
    assert receipt(token(), {"x-fapi-interaction-id": "14ba1762"}).headers == {"x-fapi-interaction-id": "14ba1762"}
    for odd in ("", "x" * 65, "a\nb", "ü"):
        assert receipt(token(), {"x-fapi-interaction-id": odd}).headers == {}


def hints(events: dict[str, Any]) -> tuple[Hint, ...]:
    told = adapter().parse_notification(token(events=events))
    assert (told.evidence.verdict, told.end_to_end_id, told.bank_reference) == (Verdict.UNKNOWN, None, None)
    return told.hints


@pytest.mark.parametrize("resource", ["domestic-payment", "domestic-payments", "domestic-scheduled-payments"])
def test_a_payment_that_changed_is_named_and_no_more(resource: str) -> None:
    """What it became stands nowhere in the token, so it is evidence of nothing."""
    assert hints({UPDATED: subject(resource, "pmt-1")}) == (Hint(about=Subject.PAYMENT, id="pmt-1"),)


def test_the_end_of_access_to_accounts_is_told_as_such() -> None:
    """With a subject of its own, or of the update that it comes with."""
    consent = subject("account-access-consents", "aac-1")
    over = Hint(about=Subject.ACCOUNT_CONSENT, id="aac-1", ended=True)
    changed = Hint(about=Subject.ACCOUNT_CONSENT, id="aac-1")
    assert hints({REVOKED: consent}) == (over,)
    assert hints({UPDATED: consent, REVOKED: {}}) == (changed, over)
    assert hints({LINKED: subject("account-access-consent", "aac-1")}) == (changed,)


@pytest.mark.parametrize(
    "event", [subject("domestic-vrp", "vrp-1"), subject("domestic-payment", ""), {}, {"subject": []}, "x", None]
)
def test_what_we_make_no_use_of_is_passed_over(event: Any) -> None:
    """Other resources, and what is not as the standard says, hint at nothing."""
    assert hints({UPDATED: event}) == ()


@given(st.binary(max_size=300))
def test_whatever_comes_hints_at_nothing(raw: bytes) -> None:
    """Neither function raises."""
    assert not receipt(raw).verified
    assert adapter().parse_notification(raw).hints == ()
