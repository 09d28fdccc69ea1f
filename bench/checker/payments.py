"""Payments: what the partner was told, held against the bank's own books."""

from collections import Counter
from collections.abc import Iterator

from bench.checker.finding import Finding
from bench.checker.history import History
from bench.target import Payments


def findings(history: History, words: Payments) -> Iterator[Finding]:
    """What can be said of all payments."""
    final = history.final
    executed: Counter[str] = Counter()
    for reference, count in final.books.items():
        executed[final.references.get(reference, "")] += count
    told = {ask.key: final.payments.get(ask.key, "") for ask in history.payments}
    yield Finding(name="payments acknowledged", count=len(history.payments))
    yield Finding(name="payments executed by the bank", count=sum(executed.values()))
    for status, count in sorted(Counter(told.values()).items()):
        yield Finding(name=f"payments: {status or 'no answer'}", count=count)
    strangers = [reference for reference, count in final.books.items() if count and reference not in final.references]
    yield Finding.zero("payments in the books that no acknowledged payment explains", strangers)
    del executed[""]
    yield Finding.zero("payments paid twice", (f"{key}: {count} times" for key, count in executed.items() if count > 1))
    yield Finding.zero(
        "said rejected but paid",
        (f"{key} is {status}" for key, status in told.items() if status in words.unpaid and executed[key]),
    )
    yield Finding.zero(
        "said paid but not in the books",
        (f"{key} is {status}" for key, status in told.items() if status in words.paid and not executed[key]),
    )
    ended = words.paid | words.unpaid
    yield Finding.zero(
        "still unknown after the recovery window",
        (f"{key} is {status or 'not answered'}" for key, status in told.items() if status not in ended),
    )
