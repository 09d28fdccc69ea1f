"""The configured banks as this process knows them, with their settings opened and their adapters at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg
import structlog

from adapters.contract import Adapter, Bank, BankSettings
from adapters.declaration import Declaration
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import NIL, Environment
from kernel.sealing import KeyDestroyed, KeyEncryptionKeyMissing, SealBroken, Vault
from kernel.sql import beside

_SQL = beside(__file__, "registry.sql")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredBank:
    """A bank with its adapter. `suspended` may be a second old: what sends asks the database again."""

    bank: Bank
    name: str
    adapter: Adapter
    suspended: bool
    declaration: Declaration = field(init=False)

    def __post_init__(self) -> None:
        """`declaration` is what the bank's protocol declares, as it holds for this bank."""
        object.__setattr__(self, "declaration", self.adapter.declaration.at(self.bank.settings.options))


class BankRegistry:
    """Reads table banks; a bank's settings are opened again when its version moved."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        adapters: Mapping[str, Adapter],
        clock: Clock,
        age_max_seconds: float = 1.0,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._adapters = adapters
        self._clock = clock
        self._age_max_seconds = age_max_seconds
        self._read_at: float | None = None
        self._known: dict[str, ConfiguredBank] = {}
        self._unreadable: frozenset[str] = frozenset()

    async def unreadable(self) -> frozenset[str]:
        """Banks that are configured and cannot be served here: settings do not open, an adapter is not there."""
        await self._refresh()
        return self._unreadable

    async def get(self, bank_id: str) -> ConfiguredBank:
        """The bank. Raises NotFound for one that is not configured here."""
        await self._refresh(bank_id)
        if bank_id not in self._known:
            raise NotFound
        return self._known[bank_id]

    async def all(self, environment: Environment | None = None, named: Iterable[str] = ()) -> list[ConfiguredBank]:
        """Every bank, or those of one environment, in the order of their ids; a `named` one may be just made."""
        await self._refresh(next((each for each in named if each not in self._known), None))
        known = sorted(self._known.values(), key=lambda each: each.bank.id)
        return [each for each in known if environment in {None, each.bank.environment}]

    async def _refresh(self, wanted: str | None = None) -> None:
        """Read the table unless that was done within the age; a bank that was just made is looked for at once."""
        young = self._read_at is not None and self._clock.monotonic() - self._read_at < self._age_max_seconds
        if young and (wanted is None or wanted in self._known):
            return
        rows = await self._pool.fetch(_SQL["list_banks"])
        found = [await self._configured(row) for row in rows if row["adapter"] in self._adapters]
        self._known = {each.bank.id: each for each in found if each is not None}
        self._unreadable = frozenset(row["id"] for row in rows) - self._known.keys()
        self._read_at = self._clock.monotonic()

    async def _configured(self, row: asyncpg.Record) -> ConfiguredBank | None:
        """One bank whose settings do not open is as if it were not there; the others go on."""
        known = self._known.get(row["id"])
        try:
            bank = known.bank if known is not None and known.bank.version == row["version"] else await self._open(row)
        except (SealBroken, KeyDestroyed, KeyEncryptionKeyMissing, ValueError, KeyError):
            _log.exception("bank.unreadable", bank_id=row["id"])
            return None
        return ConfiguredBank(
            bank=bank, name=row["name"], adapter=self._adapters[row["adapter"]], suspended=row["state"] == "suspended"
        )

    async def _open(self, row: asyncpg.Record) -> Bank:
        settings = await self._vault.open(NIL, row["sealed_settings"], settings_context(row["id"]))
        return Bank(
            id=row["id"],
            adapter=row["adapter"],
            environment=Environment(row["environment"]),
            settings=BankSettings.from_json(settings),
            version=row["version"],
        )


async def seal_settings(vault: Vault, bank_id: str, settings: BankSettings) -> bytes:
    """The settings as table banks keeps them, sealed under the installation's key."""
    return vault.seal(await vault.data_key(NIL), settings.to_json(), settings_context(bank_id))


def settings_context(bank_id: str) -> bytes:
    """What binds a bank's sealed settings to its row."""
    return b"banks.settings:" + bank_id.encode()
