"""The journey: one partner pays through the sandbox bank and its merchant hears about it, in good and bad weather.

Everything goes over HTTP to running roles; the only thing shared with them is this machine.
"""

from collections.abc import Awaitable, Callable

from threadneedle.demo.acts import arriving, hearing, paying, refusing
from threadneedle.demo.scene import Cast, Scene

PARTS: tuple[tuple[str, Callable[[Scene, Cast], Awaitable[None]]], ...] = (
    ("An admin registers a partner", arriving.register),
    ("The partner logs in", arriving.log_in),
    ("The merchant subscribes", arriving.subscribe),
    ("A payment", paying.pay),
    ("A payment that the bank does not answer", paying.pay_at_a_silent_bank),
    ("A payer approves at an Open Banking UK bank", paying.pay_by_consent),
    ("The merchant is down", hearing.merchant_is_down),
    ("What became of the payment that was not answered", paying.bank_was_silent),
    ("The bank says no", paying.bank_rejects),
    ("The same request again", refusing.repeat),
    ("What is refused", refusing.refuse),
    ("The merchant leaves", arriving.leave),
)


async def play(scene: Scene) -> bool:
    """Play every part in order. Gives whether all that was claimed held; a part that breaks is a claim that did not."""
    cast = Cast()
    for title, part in PARTS:
        scene.proof.heading(title)
        try:
            await part(scene, cast)
        except (AssertionError, TimeoutError, KeyError, OSError) as error:
            scene.proof.claim(f"{title}: ran to its end", held=False, seen=f"{type(error).__name__} {error}")
    return scene.proof.held
