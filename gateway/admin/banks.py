"""Banks as admins configure them: settings are checked against the adapter's declaration and sealed."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.checks import setting_errors
from adapters.contract import Adapter, BankSettings
from gateway.admin.journal import Actor, Change, Journal, Row
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import NIL, Activity, Environment
from kernel.sealing import SealError, Vault
from payments.banks import seal_settings, settings_context

_OPTION = re.compile(r"/options/[A-Za-z0-9_.\-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBank:
    """A bank to make."""

    id: str
    adapter: str
    environment: Environment
    name: str
    settings: BankSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDifference:
    """What is to be different of a bank; `dropped` are the secrets that it shall have no more."""

    name: str | None = None
    settings: BankSettings | None = None
    dropped: frozenset[str] = frozenset()


class BankBook:
    """Every change leaves its audit row."""

    def __init__(self, journal: Journal, vault: Vault, adapters: Mapping[str, Adapter]) -> None:
        self._journal = journal
        self._vault = vault
        self._adapters = adapters

    async def add(self, actor: Actor, new: NewBank) -> Row:
        """Raises Invalid for settings that the adapter does not take, Conflict for an id that is in use."""
        await self._check(new.adapter, new.environment, new.settings)
        sealed = await seal_settings(self._vault, new.id, new.settings)
        change = Change(
            query="add_bank",
            arguments=(new.id, new.adapter, new.environment, new.name, sealed),
            action="bank.created",
            target=new.id,
            detail={"adapter": new.adapter, "environment": new.environment},
        )
        row = await self._journal.change(actor, change)
        if row is None:
            raise Conflict("There is a bank of this id.", code="bank_exists")
        return row

    async def list_all(self) -> Sequence[Row]:
        """Every bank."""
        return await self._journal.fetch("list_banks")

    async def get(self, bank_id: str) -> Row:
        """One bank. Raises NotFound."""
        rows = await self._journal.fetch("find_bank", bank_id)
        return _found(rows[0] if rows else None)

    async def change(self, actor: Actor, bank_id: str, wanted: BankDifference) -> Row:
        """Another name or other settings; every process uses them within a second.

        Raises NotFound, Invalid for settings that the adapter does not take, or that leave a secret out unsaid.
        """
        known = await self.get(bank_id)
        changed = [field for field in ("name", "settings") if getattr(wanted, field) is not None]
        if not changed:
            return known
        sealed = None
        if wanted.settings is not None:
            await self._check(known["adapter"], Environment(known["environment"]), wanted.settings)
            await self._check_dropped(bank_id, {*wanted.settings.secrets, *wanted.dropped})
            sealed = await seal_settings(self._vault, bank_id, wanted.settings)
        change = Change(
            query="change_bank",
            arguments=(bank_id, wanted.name, sealed),
            action="bank.changed",
            target=bank_id,
            detail={"changed": changed},
        )
        return _found(await self._journal.change(actor, change))

    async def set_state(self, actor: Actor, bank_id: str, state: Activity) -> Row:
        """Suspend or resume; in force everywhere within a second."""
        action = "bank.suspended" if state is Activity.SUSPENDED else "bank.resumed"
        change = Change(query="set_bank_state", arguments=(bank_id, state), action=action, target=bank_id)
        return _found(await self._journal.change(actor, change))

    async def _check_dropped(self, bank_id: str, named: set[str]) -> None:
        rows = await self._journal.fetch("find_bank_settings", bank_id)
        try:
            opened = await self._vault.open(NIL, rows[0]["sealed_settings"], settings_context(bank_id))
        except SealError:  # What nobody can open any more is lost already, and new settings mend it.
            return
        if left_out := sorted(BankSettings.from_json(opened).secrets.keys() - named):
            message = "The bank has this secret: give it again, or null to drop it."
            raise Invalid(
                [FieldError(pointer=f"/settings/secrets/{name}", code="required", message=message) for name in left_out]
            )

    async def _check(self, adapter: str, environment: Environment, settings: BankSettings) -> None:
        known = self._adapters.get(adapter)
        if known is None:
            names = ", ".join(sorted(self._adapters))
            raise Invalid([FieldError(pointer="/adapter", code="unknown_value", message=f"Expected one of: {names}.")])
        # Keys are read and a signature is made, which takes longer than anything else may take of the event loop.
        if errors := await asyncio.to_thread(setting_errors, known.declaration, settings, environment):
            raise Invalid([_in_settings(error) for error in errors])


def _in_settings(error: FieldError) -> FieldError:
    """An unknown secret may be one that slipped into a name, so then the pointer names only what holds it."""
    is_hidden = error.code == "unknown" and _OPTION.fullmatch(error.pointer) is None
    inner = error.pointer.rpartition("/")[0] if is_hidden else error.pointer
    return FieldError(pointer=f"/settings{inner}", code=error.code, message=error.message)


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row
