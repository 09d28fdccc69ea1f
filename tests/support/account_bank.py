"""A bank inside the process whose accounts can be read, behind the engine's port: it fails on command.

With `codes` its holders bring an authorisation code that is good once (as at Open Banking UK); without, the
authorisation is begun and the bank is asked how it stands (as at Berlin Group).
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.contract import (
    Answered,
    Authorisation,
    Bank,
    Exchange,
    Grant,
    NeverLeft,
    Outcome,
    Unknown,
)
from adapters.contract.accounts import (
    Balance,
    BalanceKind,
    BankAccount,
    BankTransaction,
    BookingStatus,
    ConsentStatus,
    Inquiry,
    Reading,
    ReadingKind,
    Trouble,
)
from adapters.declaration import AccountScheme, Declaration, OperationKind
from adapters.wire import WireReply, WireRequest
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money
from tests.support.scripted_bank import DECLARATION, Crash

ALL_READS = frozenset(kind.value for kind in ReadingKind)
CODES: Declaration = replace(
    DECLARATION, after_return=OperationKind.AUTHORISE, reads=ALL_READS, unattended_reads_a_day=4
)
ASKED: Declaration = replace(DECLARATION, reads=ALL_READS - {ReadingKind.REFRESH}, unattended_reads_a_day=4)


class AccountScript:
    """The protocol of the account bank: its own small JSON."""

    def build(self, kind: ReadingKind, inquiry: Inquiry) -> WireRequest:
        """The request; a code, and the refresh token, are in its body."""
        shake = inquiry.handshake
        body = {
            "kind": kind.value,
            "consent": inquiry.consent_id,
            "account": inquiry.account_id,
            "page": inquiry.page,
            "from": None if inquiry.booked_from is None else inquiry.booked_from.isoformat(),
            "code": shake.code.reveal() if shake and shake.code else None,
            "refresh": inquiry.refresh_token.reveal() if inquiry.refresh_token else None,
            "attended": inquiry.payer is not None,
        }
        return WireRequest(method="POST", path=f"/{kind.value}", body=orjson.dumps(body))

    def parse(self, kind: ReadingKind, reply: WireReply) -> Reading:
        """What the answer brings."""
        del kind
        body: dict[str, Any] = orjson.loads(reply.body)
        access, url = body.get("access"), body.get("url")
        return Reading(
            trouble=None if body.get("trouble") is None else Trouble(body["trouble"]),
            retry_after_seconds=body.get("retry_after"),
            consent_status=None if body.get("status") is None else ConsentStatus(body["status"]),
            consent_id=body.get("consent"),
            authorisation=None if url is None else Authorisation(url=Secret(url)),
            grant=None if access is None else _grant(body),
            accounts=tuple(_account(each) for each in body.get("accounts", ())),
            balances=tuple(_balance(each) for each in body.get("balances", ())),
            transactions=tuple(_transaction(each) for each in body.get("transactions", ())),
            next_page=body.get("next"),
        )

    def authorisation_url(self, inquiry: Inquiry, now: datetime) -> str:
        """Made here, as at banks whose answer does not bring it."""
        del now
        if inquiry.handshake is None or inquiry.consent_id is None:
            raise ValueError("a consent and a handshake are needed")
        return (
            f"https://bank.example.com/authorise?consent={inquiry.consent_id}&state={inquiry.handshake.state.reveal()}"
        )


def _grant(body: dict[str, Any]) -> Grant:
    refresh = body.get("refresh")
    return Grant(
        access_token=Secret(body["access"]),
        lifetime_seconds=body.get("lifetime"),
        refresh_token=None if refresh is None else Secret(refresh),
    )


def _account(raw: dict[str, Any]) -> BankAccount:
    return BankAccount(
        id=raw["id"],
        currency=raw["currency"],
        scheme=AccountScheme.IBAN,
        iban=AccountNumber(raw["iban"]),
        name=PersonName(raw["name"]),
        product="Current account",
    )


def _balance(raw: dict[str, Any]) -> Balance:
    return Balance(kind=BalanceKind.INTERIM_AVAILABLE, currency=raw["currency"], value=raw["value"], raw_kind="ITAV")


def _transaction(raw: dict[str, Any]) -> BankTransaction:
    return BankTransaction(
        amount=Money(raw["currency"], raw["value"]),
        is_credit=raw["credit"],
        status=BookingStatus(raw.get("status", "booked")),
        id=raw.get("id"),
        booked_at=datetime(2026, 11, 20, tzinfo=UTC),
        counterparty=PersonName("Sam Example"),
        text=Masked(raw["text"]),
    )


@dataclass(slots=True, kw_only=True)
class BankConsent:
    """A consent in the bank's books."""

    id: str
    status: ConsentStatus = ConsentStatus.AWAITING_AUTHORISATION
    begun: int = 0
    codes: set[str] = field(default_factory=set)
    access: str = ""
    refresh: str = ""


@dataclass(slots=True, kw_only=True)
class AccountBank:
    """`script` holds what the next calls do, by name; when it is used up, calls are answered.

    ok, never_left, lost_before, lost_after, crash_before, crash_after, refuse, garbage, endless, too_many, gone, hang.
    """

    codes: bool = True
    lifetime: int | None = 300
    script: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    unattended: list[str] = field(default_factory=list)
    consents: dict[str, BankConsent] = field(default_factory=dict)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    made: int = 0
    running: int = 0
    running_max: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def then(self, steps: Iterable[str]) -> None:
        """Add to the script."""
        self.script.extend(steps)

    def authorise(self, consent_id: str) -> str:
        """The holder authorises: the code that they bring, which is good once."""
        consent = self.consents[consent_id]
        consent.status = ConsentStatus.AUTHORISED
        code = f"code-{consent_id}-{self._number()}"
        consent.codes.add(code)
        return code

    def alive(self) -> list[BankConsent]:
        """The consents under which the bank would let somebody read."""
        return [each for each in self.consents.values() if each.status is ConsentStatus.AUTHORISED]

    async def read(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """One call."""
        del bank
        self.running += 1
        self.running_max = max(self.running, self.running_max)
        try:
            await asyncio.sleep(0)
            return await self._called(orjson.loads(request.body), payer_access)
        finally:
            self.running -= 1

    async def _called(self, body: dict[str, Any], access: Secret | None) -> Outcome:
        self.calls.append(body["kind"])
        step = self.script.pop(0) if self.script else "ok"
        if step == "hang":
            await self.gate.wait()
        if step == "crash_before":
            raise Crash
        if step == "never_left":
            return NeverLeft(why="refused", exchange=_exchange("never_left"))
        if step == "lost_before":
            return Unknown(why="timeout", bytes_seen=0, exchange=_exchange("unknown"))
        answer = _failing(step) or self._answer(body, access)
        if step == "crash_after":
            raise Crash
        if step == "lost_after":
            return Unknown(why="timeout", bytes_seen=0, exchange=_exchange("unknown"))
        return Answered(reply=WireReply(status=200, body=orjson.dumps(answer)), exchange=_exchange("answered"))

    def _answer(self, body: dict[str, Any], access: Secret | None) -> dict[str, Any]:
        kind = ReadingKind(body["kind"])
        if kind is ReadingKind.CONSENT:
            made = BankConsent(id=f"bc-{self._number()}")
            self.consents[made.id] = made
            return {"consent": made.id, "status": made.status}
        if kind is ReadingKind.REFRESH:
            return self._refresh(body["refresh"])
        consent = self.consents.get(body["consent"])
        return {"trouble": Trouble.NOT_FOUND} if consent is None else self._of(kind, consent, body, access)

    def _of(
        self, kind: ReadingKind, consent: BankConsent, body: dict[str, Any], access: Secret | None
    ) -> dict[str, Any]:
        match kind:
            case ReadingKind.AUTHORISE:
                return self._exchange_code(consent, body["code"]) if self.codes else self._begin(consent)
            case ReadingKind.CONSENT_STATUS:
                return {"status": consent.status, "consent": consent.id}
            case ReadingKind.CONSENT_END:
                consent.status = ConsentStatus.REVOKED
                return {}
        return self._read(kind, consent, body, access)

    def _exchange_code(self, consent: BankConsent, code: str) -> dict[str, Any]:
        if code not in consent.codes:
            return {"trouble": Trouble.REFUSED}
        consent.codes.remove(code)
        return self._grant(consent)

    def _grant(self, consent: BankConsent) -> dict[str, Any]:
        consent.access, consent.refresh = f"access-{self._number()}", f"refresh-{self._number()}"
        return {"access": consent.access, "refresh": consent.refresh, "lifetime": self.lifetime}

    def _refresh(self, token: str) -> dict[str, Any]:
        for consent in self.alive():
            if consent.refresh == token:
                return self._grant(consent)
        return {"trouble": Trouble.CONSENT_NOT_USABLE}

    def _begin(self, consent: BankConsent) -> dict[str, Any]:
        consent.begun += 1
        return {"url": f"https://bank.example.com/begun?consent={consent.id}"}

    def _read(
        self, kind: ReadingKind, consent: BankConsent, body: dict[str, Any], access: Secret | None
    ) -> dict[str, Any]:
        shown = "" if access is None else access.reveal()
        if consent.status is not ConsentStatus.AUTHORISED or (self.codes and shown != consent.access):
            return {"trouble": Trouble.CONSENT_NOT_USABLE}
        if not body["attended"]:
            self.unattended.append(kind.value)
        if kind is ReadingKind.ACCOUNTS:
            return {"accounts": self.accounts}
        if kind is ReadingKind.BALANCES:
            return {"balances": self.values.get(body["account"], [])}
        return self._page(int(body["page"] or 0))

    def _page(self, start: int) -> dict[str, Any]:
        end = start + self.page_size
        more = str(end) if end < len(self.entries) else None
        return {"transactions": self.entries[start:end], "next": more}

    def _number(self) -> int:
        self.made += 1
        return self.made


def _failing(step: str) -> dict[str, Any] | None:
    match step:
        case "refuse":
            return {"trouble": Trouble.REFUSED}
        case "garbage":
            return {"trouble": Trouble.UNREADABLE}
        case "too_many":
            return {"trouble": Trouble.TOO_MANY_READS, "retry_after": 600}
        case "endless":
            return {"accounts": [], "balances": [], "next": str(time.monotonic_ns())}
        case "gone":
            return {"trouble": Trouble.CONSENT_NOT_USABLE}
        case _:
            return None


def _exchange(outcome: str) -> Exchange:
    return Exchange(
        at=datetime.now(UTC),
        outcome=outcome,
        duration_us=10,
        status_code=200 if outcome == "answered" else None,
        head={},
        request_body=b"{}",
        reply_body=b"{}",
    )
