"""What a bank would get, shown to the partner whose payment it is: built by the same mapping, from masked values.

The masks are put in before the request is built, so nothing of a name or an account can be left in it, whatever the
protocol makes of them. They keep length and form, so that what is cut or converted can be seen.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.contract import Account, Creditor, Handshake, Instruction, Payer
from adapters.declaration import AuthProfile, Declaration, OperationKind
from adapters.wire import WireRequest
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from payments.banks import ConfiguredBank
from payments.states.names import PaymentStatus

_CHARACTER = re.compile(r"[^\W_]")
_VISIBLE = 4
_COUNTRY = 2
_MASK = "****"
_AT_SENDING = "(made when it is sent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRequest:
    """One request, masked. Without a body it has none, or one that is no text."""

    kind: OperationKind
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What would become of a payment: its first status, what its bank would get first, and why that bank."""

    bank_id: str
    status: PaymentStatus
    requests: Sequence[ShownRequest]
    routing: Mapping[str, Any] | None = None


def show_requests(bank: ConfiguredBank, instruction: Instruction) -> list[ShownRequest]:
    """The requests of a submission, with names, account numbers and secrets masked.

    Of a journey those are shown that can be built before the bank has answered.
    """
    hidden = masked(instruction)
    first, *later = bank.declaration.journey
    shown = [_shown(bank, first, hidden)]
    with suppress(ValueError):
        for kind in later:
            shown.append(_shown(bank, kind, hidden))  # noqa: PERF401 - what was built before one fails is kept
    return shown


def masked(instruction: Instruction) -> Instruction:
    """The instruction without what must not be shown; the reference is the partner's own word, and stays."""
    settings, creditor, debtor = instruction.settings, instruction.creditor, instruction.debtor
    hidden = {name: Secret(_MASK) for name in settings.secrets}
    shown = Creditor(name=PersonName(_starred(creditor.name.reveal(), first=1)), account=_account(creditor.account))
    return replace(
        instruction,
        creditor=shown,
        debtor=None if debtor is None else _account(debtor),
        payer=_payer(instruction.payer),
        settings=replace(settings, secrets=hidden),
        handshake=_handshake(instruction.handshake),
    )


def _shown(bank: ConfiguredBank, kind: OperationKind, instruction: Instruction) -> ShownRequest:
    request = bank.adapter.build(kind, instruction)
    return ShownRequest(
        kind=kind,
        method=request.method,
        path=request.path,
        headers=_headers(request, bank.declaration),
        body=_text(request.body),
    )


def _payer(payer: Payer | None) -> Payer | None:
    if payer is None:
        return None
    address, agent = payer.ip_address, payer.user_agent
    return Payer(
        ip_address=None if address is None else Masked(_starred(address.reveal())),
        user_agent=None if agent is None else Masked(_starred(agent.reveal())),
    )


def _handshake(handshake: Handshake | None) -> Handshake | None:
    if handshake is None:
        return None
    hidden = Secret(_MASK)
    return Handshake(redirect_uri=handshake.redirect_uri, state=hidden, nonce=hidden, code_verifier=hidden)


def _account(account: Account) -> Account:
    iban, number = account.iban, account.account_number
    return replace(
        account,
        iban=None if iban is None else AccountNumber(_starred(iban.reveal(), first=_COUNTRY, last=_VISIBLE)),
        account_number=None if number is None else AccountNumber(_starred(number.reveal(), last=_last(number))),
    )


def _last(number: AccountNumber) -> int:
    """A number that is too short to hide shows nothing, as its type does."""
    return _VISIBLE if len(number.reveal()) >= 2 * _VISIBLE else 0


def _starred(text: str, *, first: int = 0, last: int = 0) -> str:
    end = len(text) - last
    return text[:first] + _CHARACTER.sub("*", text[first:end]) + text[end:]


def _headers(request: WireRequest, declaration: Declaration) -> dict[str, str]:
    credential = {} if declaration.auth is AuthProfile.NONE else {"Authorization": _MASK}
    return {**dict(request.headers), **credential, **dict.fromkeys(request.fresh, _AT_SENDING)}


def _text(body: bytes) -> str | None:
    try:
        return body.decode() or None
    except UnicodeDecodeError:
        return None
