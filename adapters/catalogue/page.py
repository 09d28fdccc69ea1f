"""docs/capabilities.md, made of the declarations: `make docs` writes it, tests/repository holds it."""

from collections.abc import Iterable
from pathlib import Path

from adapters.catalogue.quality import RULES, Status, read
from adapters.declaration import Declaration, OperationKind
from adapters.registry import discover

_ADAPTERS = Path(__file__).resolve().parents[1]
PAGE = _ADAPTERS.parent / "docs/capabilities.md"
_INTRODUCTION = """# What each bank protocol can do

Made from the declarations by `make docs`. The declarations are in `declaration.py` of each folder of `adapters/`;
[Adding an adapter](adding-an-adapter.md) says what their words mean.
"""
_NOTHING = "–"


def as_markdown() -> str:
    """The whole page."""
    declarations = [each for _, each in sorted(discover().declarations.items())]
    return "\n".join([_INTRODUCTION, *(_chapter(each) for each in declarations), _quality(declarations)])


def _chapter(it: Declaration) -> str:
    rows = [
        ("Way of a payment", _journey(it)),
        ("When an outcome is unknown", _listed(f"{kind}: {way}" for kind, way in sorted(it.recovery.items()))),
        ("Asked about a payment by", _listed(it.enquiry_keys)),
        ("“Not found” is proof after", _seconds(it.absence_proven_after_seconds)),
        ("Repeats are recognised", _idempotency(it)),
        ("Cancellation", "yes" if OperationKind.CANCEL in it.operations else "no"),
        ("Rails", _listed(sorted({*it.rails, *it.rail_by_option.values()}))),
        ("Currencies", _listed(sorted(it.currencies))),
        ("Creditors' accounts", _listed(sorted(it.accounts))),
        ("Needed beside creditor and amount", _listed(sorted(n for n, each in it.fields.items() if each.required))),
        ("Accounts read", _reads(it)),
        ("Notifications", "yes" if it.notifications else "no"),
        ("Reports go as far as", f"{it.last_word}; nothing new for {_seconds(it.silent_after_seconds)} is their end"),
        ("Bounds of calls", _listed(_quotas(it))),
        ("Deadlines", _deadlines(it)),
        ("How we prove ourselves", f"{it.auth}; signatures: {it.signing}"),
        ("Settings", _settings(it)),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## {it.title}\n\n`{it.name}`, mapping {it.mapping_version}\n\n| | |\n|---|---|\n{table}\n"


def _journey(it: Declaration) -> str:
    steps = [f"**{kind}**" if kind is it.arms else str(kind) for kind in it.journey]
    return f"{' → '.join(steps)} (money may move from the step in bold on)"


def _idempotency(it: Declaration) -> str:
    if it.idempotency is None:
        return "no"
    return f"by `{it.idempotency.header}`, for {_seconds(it.idempotency.window_seconds)}"


def _reads(it: Declaration) -> str:
    if not it.reads:
        return "no"
    bound = f"; {it.unattended_reads_a_day} a day without the holder" if it.unattended_reads_a_day else ""
    return f"{_listed(sorted(it.reads))}{bound}"


def _quotas(it: Declaration) -> Iterable[str]:
    for each in it.quotas:
        kinds = ", ".join(sorted(each.kinds))
        yield f"{each.requests:,} {kinds} in {_seconds(each.window_seconds)}"


def _deadlines(it: Declaration) -> str:
    deadlines = it.deadlines
    return (
        f"{deadlines.connect_seconds:g} s to connect, {deadlines.first_byte_seconds:g} s to the first byte, "
        f"{deadlines.total_seconds:g} s in all"
    )


def _settings(it: Declaration) -> str:
    return _listed(f"`{each.name}`{'' if each.required else ' (optional)'}" for each in it.settings)


def _seconds(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or _NOTHING


def _quality(declarations: Iterable[Declaration]) -> str:
    names = [each.name for each in declarations]
    claims = {name: read(_ADAPTERS / name) for name in names}
    head = f"| Rule | {' | '.join(f'`{name}`' for name in names)} |\n|---|{'---|' * len(names)}"
    rows = [f"| {rule} | {' | '.join(claims[name][key].status for name in names)} |" for key, rule in RULES.items()]
    exempt = [
        f"- `{name}`, {key}: {claim.reason}"
        for name in names
        for key, claim in claims[name].items()
        if claim.status is Status.EXEMPT
    ]
    told = "What is exempt, and why:\n\n" + "\n".join(exempt) + "\n" if exempt else ""
    return (
        "## What is proven of each\n\nThe tests that show it stand in `quality.toml` of each folder.\n\n"
        f"{head}\n" + "\n".join(rows) + f"\n\n{told}"
    )
