"""Partners who want payments, and payers who come back, refuse, come twice, come late, vanish or never come."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import aiohttp

from adapters.declaration import OperationKind
from gateway.callbacks.reading import brought_of
from kernel.errors import ThreadneedleError
from kernel.money import Money
from payments.states.names import PaymentStatus
from tests.contracts.adapters.kit.harness import ADAPTERS
from tests.contracts.adapters.kit.room import BANK, Doomed, Room
from tests.support import banks, browser
from tests.support.scripted_bank import Crash

ENDED = frozenset({"completed", "returned", "rejected", "cancelled", "expired"})
MOODS = ("comes",) * 8 + ("comes twice", "comes late", "refuses", "vanishes", "never comes")
_WITHDRAWN_SHARE = 0.05
_DIED = (Crash, asyncio.CancelledError)


@dataclass(slots=True, kw_only=True)
class Wish:
    """A payment that a partner wants; `mood` is that of its payer."""

    number: int
    amount: Money
    mood: str
    withdrawn: bool
    payment_id: UUID | None = None


def wish(room: Room, number: int, mood: str | None = None) -> Wish:
    """The next one; that of a payer of this mood is not withdrawn."""
    declared = ADAPTERS[room.row].declaration.at(room.simulator.settings.options)
    currency = room.dice.choice(sorted(declared.currencies))
    rule = declared.currencies[currency]
    can_cancel = OperationKind.CANCEL in declared.operations
    return Wish(
        number=number,
        amount=Money(currency, room.dice.randint(rule.value_min, min(rule.value_max, 10_000_000))),
        mood=mood or (room.dice.choice(MOODS) if declared.sends_payers else "comes"),
        withdrawn=mood is None and can_cancel and room.dice.random() < _WITHDRAWN_SHARE,
    )


async def live(room: Room | Doomed, wanted: Wish) -> None:
    """What partner and payer do about one payment, until only the room has something to do."""
    while wanted.payment_id is None:
        try:
            created = await room.anyone.pay(
                f"key-{wanted.number}", room.dice.choice((0, 1, 20)), **_terms(room, wanted)
            )
            wanted.payment_id = created.payment.id
        except _DIED:
            await asyncio.sleep(room.dice.uniform(0, 5))
    if wanted.withdrawn:
        await asyncio.sleep(room.dice.uniform(0, 30))
        await _withdraw(room, wanted.payment_id)
    if ADAPTERS[room.row].declaration.sends_payers and wanted.mood != "never comes":
        await _go(room, wanted, wanted.payment_id)


def _terms(room: Room | Doomed, wanted: Wish) -> dict[str, Any]:
    fitting = banks.fitting(ADAPTERS[room.row].declaration)
    return {
        "bank_id": BANK,
        "amount": wanted.amount,
        "creditor": fitting.creditor,
        "debtor": fitting.debtor,
        "payer": fitting.payer,
        "return_url": "https://shop.example/paid",
    }


async def _withdraw(room: Room | Doomed, payment_id: UUID) -> None:
    try:
        await room.anyone.payments.cancel(room.base.caller, payment_id, 1)
    except (*_DIED, ThreadneedleError):
        return


async def _go(room: Room | Doomed, wanted: Wish, payment_id: UUID) -> None:
    """To the bank's page, and back to us; a browser that meets a dead process is reloaded, mostly."""
    url = await _invitation(room, payment_id)
    if url is None:
        return
    await asyncio.sleep(700 if wanted.mood == "comes late" else room.dice.uniform(0, 40))
    decision = browser.REFUSE if wanted.mood == "refuses" else browser.APPROVE
    try:
        location = await browser.decide(room.browser, url, decision)
    except (AssertionError, aiohttp.ClientError):
        return  # The bank waits for nobody any more.
    if wanted.mood != "vanishes":
        times = 2 if wanted.mood == "comes twice" else 1
        await asyncio.gather(*(_come_back(room, location) for _ in range(times)))


async def _invitation(room: Room | Doomed, payment_id: UUID) -> str | None:
    """Where the payer is sent, once that is known; None where they never are."""
    while True:
        try:
            view = await room.base.payments.get(room.base.caller, payment_id)
        except _DIED:
            continue
        if view.authorisation is not None and view.authorisation.url is not None:
            return str(view.authorisation.url)
        if view.status.value in ENDED or view.status is PaymentStatus.SETTLED:
            return None
        await asyncio.sleep(room.dice.uniform(2, 10))


async def _come_back(room: Room | Doomed, location: str) -> None:
    brought = brought_of(dict(parse_qsl(urlsplit(location).query)))
    assert brought is not None
    while True:
        try:
            arrival = await room.anyone.payments.returned(BANK, brought)
        except _DIED:
            if room.dice.random() < 0.2:
                return
            await asyncio.sleep(room.dice.uniform(0, 5))
        else:
            assert arrival is not None
            return
