"""The bank's interface for account information. Its pages shift: while one is read, something new is booked."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import orjson
from aiohttp import web

from adapters.open_banking_uk.simulator.accounts.ledger import Ledger, balance_told, entry_told
from adapters.open_banking_uk.simulator.answers import V4, Refused, now_text
from adapters.open_banking_uk.simulator.door import Caller, Door
from adapters.open_banking_uk.simulator.holders import BY_ID, OFFERED, HeldAccount
from adapters.open_banking_uk.simulator.oauth.page import Question
from adapters.open_banking_uk.simulator.oauth.tokens import Tokens

PAGE_ENTRIES = 25
_AISP = "/open-banking/{version}/aisp"
_WORDS = {
    V4: {"waits": "AWAU", "given": "AUTH", "refused": "RJCT", "ended": "CANC"},
    "v3.1": {"waits": "AwaitingAuthorisation", "given": "Authorised", "refused": "Rejected", "ended": "Revoked"},
}
_CONSENT = jsonschema_rs.validator_for(
    {
        "type": "object",
        "required": ["Data", "Risk"],
        "properties": {
            "Data": {
                "type": "object",
                "required": ["Permissions"],
                "properties": {
                    "Permissions": {"type": "array", "minItems": 1, "items": {"pattern": "^Read[A-Za-z]+$"}},
                    "ExpirationDateTime": {"type": "string"},
                },
                "additionalProperties": False,
            },
            "Risk": {"type": "object", "additionalProperties": False},
        },
        "additionalProperties": False,
    }
)


@dataclass(slots=True, kw_only=True)
class AccessConsent:
    """A consent to read accounts."""

    id: str
    version: str
    request: dict[str, Any]
    standing: str = "waits"
    created_at: str = field(default_factory=now_text)
    updated_at: str = field(default_factory=now_text)

    def become(self, standing: str) -> None:
        """Move to another state."""
        self.standing, self.updated_at = standing, now_text()


class AccountsCounter:
    """Serves account information."""

    def __init__(self, door: Door, tokens: Tokens) -> None:
        self._door = door
        self._tokens = tokens
        self._ledger = Ledger()
        self._consents: dict[str, AccessConsent] = {}

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        return [
            web.post(f"{_AISP}/account-access-consents", self.consent),
            web.get(f"{_AISP}/account-access-consents/{{id}}", self.show_consent, allow_head=False),
            web.delete(f"{_AISP}/account-access-consents/{{id}}", self.end_consent),
            web.get(f"{_AISP}/accounts", self.accounts, allow_head=False),
            web.get(f"{_AISP}/accounts/{{id}}/balances", self.balances, allow_head=False),
            web.get(f"{_AISP}/accounts/{{id}}/transactions", self.transactions, allow_head=False),
        ]

    def question(self, consent_id: str) -> Question | None:
        """What a holder is asked; None for a consent that does not wait."""
        consent = self._consents.get(consent_id)
        if consent is None or consent.standing != "waits":
            return None
        data = consent.request["Data"]
        facts = (("May see", ", ".join(data["Permissions"])), ("Until", data.get("ExpirationDateTime", "ended by you")))
        return Question(title="Share your accounts", facts=facts, accounts=OFFERED, several=True)

    def decide(self, consent_id: str, account_ids: tuple[str, ...] | None) -> None:
        """Given for the accounts that were chosen, or refused; once."""
        consent = self._consents[consent_id]
        if consent.standing == "waits":
            consent.become("refused" if account_ids is None else "given")

    async def consent(self, request: web.Request) -> web.StreamResponse:
        """Take a consent; nothing makes two of them one."""
        caller = await self._door.client(request, "accounts")
        try:
            wanted = orjson.loads(caller.body)
        except orjson.JSONDecodeError:
            raise Refused(400, "U010") from None
        if not _CONSENT.is_valid(wanted):
            raise Refused(400, "U002", "Data")
        consent = AccessConsent(id=f"aac-{secrets.token_hex(12)}", version=caller.voice.version, request=wanted)
        self._consents[consent.id] = consent
        return caller.voice.says(201, _told(consent, f"{request.url}/{consent.id}")).response()

    async def show_consent(self, request: web.Request) -> web.StreamResponse:
        """Show a consent."""
        caller = await self._door.client(request, "accounts")
        return caller.voice.says(200, _told(self._named(caller, request), str(request.url))).response()

    async def end_consent(self, request: web.Request) -> web.StreamResponse:
        """End a consent, and the access that it gave."""
        caller = await self._door.client(request, "accounts")
        consent = self._named(caller, request)
        consent.become("ended")
        self._tokens.end(consent.id)
        return caller.voice.says_nothing(204).response()

    def take_back(self, consent_id: str) -> AccessConsent | None:
        """The holder ends the access in the bank's own pages: the consent stays as it is. None where there is none."""
        consent = self._consents.get(consent_id)
        if consent is not None:
            self._tokens.end(consent.id)
        return consent

    async def accounts(self, request: web.Request) -> web.StreamResponse:
        """The accounts that were chosen."""
        caller = await self._reader(request)
        listed = [_account(caller.voice.version, BY_ID[each]) for each in caller.account_ids]
        return caller.voice.says(200, _page({"Account": listed}, request)).response()

    async def balances(self, request: web.Request) -> web.StreamResponse:
        """Booked, and available with what is pending."""
        caller = await self._reader(request)
        account_id, version = _chosen(caller, request), caller.voice.version
        listed = [
            balance_told(version, account_id, self._ledger.balance(account_id, booked=booked), booked=booked)
            for booked in (True, False)
        ]
        return caller.voice.says(200, _page({"Balance": listed}, request)).response()

    async def transactions(self, request: web.Request) -> web.StreamResponse:
        """One page, newest first; after it something is booked, so that the next page repeats this one's last entry."""
        caller = await self._reader(request)
        account_id, number = _chosen(caller, request), int(request.query.get("page", "1"))
        begins, ends = (_time(request, name) for name in ("fromBookingDateTime", "toBookingDateTime"))
        entries = self._ledger.entries(account_id, begins, ends)
        shown = entries[(number - 1) * PAGE_ENTRIES : number * PAGE_ENTRIES]
        told = [entry_told(caller.voice.version, account_id, each) for each in shown]
        more = len(entries) > number * PAGE_ENTRIES
        self._ledger.arrive(account_id)
        links = {"Next": str(request.url.update_query(page=str(number + 1)))} if more else {}
        return caller.voice.says(200, _page({"Transaction": told}, request, links)).response()

    async def _reader(self, request: web.Request) -> Caller:
        """Who reads under a consent that is in force. Raises Refused."""
        caller = await self._door.payer(request, "accounts")
        consent = self._consents.get(caller.consent_id or "")
        if consent is None or consent.standing != "given" or consent.version != caller.voice.version:
            raise Refused(403, "U028")
        return caller

    def _named(self, caller: Caller, request: web.Request) -> AccessConsent:
        consent = self._consents.get(request.match_info["id"])
        if consent is None or consent.version != caller.voice.version:
            raise Refused(400, "U011")
        return consent


def _told(consent: AccessConsent, url: str) -> dict[str, Any]:
    data = {
        "ConsentId": consent.id,
        "CreationDateTime": consent.created_at,
        "Status": _WORDS[consent.version][consent.standing],
        "StatusUpdateDateTime": consent.updated_at,
        **consent.request["Data"],
    }
    return {"Data": data, "Risk": {}, "Links": {"Self": url}, "Meta": {}}


def _account(version: str, account: HeldAccount) -> dict[str, Any]:
    kind = {"AccountCategory": "Personal", "AccountTypeCode": "CACC"}
    older = {"AccountType": "Personal", "AccountSubType": "CurrentAccount"}
    return {
        "AccountId": account.id,
        "Currency": "GBP",
        **(kind if version == V4 else older),
        "Nickname": account.nickname,
        "Account": [account.identified],
    }


def _chosen(caller: Caller, request: web.Request) -> str:
    """The account, if its holder chose it. Raises Refused: an id that nobody has is a bad request, another's is 403."""
    account_id = request.match_info["id"]
    if account_id not in BY_ID:
        raise Refused(400, "U011")
    if account_id not in caller.account_ids:
        raise Refused(403, "U028")
    return account_id


def _page(data: dict[str, Any], request: web.Request, links: dict[str, str] | None = None) -> dict[str, Any]:
    return {"Data": data, "Links": {"Self": str(request.url), **(links or {})}, "Meta": {}}


def _time(request: web.Request, name: str) -> datetime | None:
    """A time of the query; its zone, if it has one, is taken no notice of. Raises Refused."""
    text = request.query.get(name)
    try:
        return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "U003", name) from None
