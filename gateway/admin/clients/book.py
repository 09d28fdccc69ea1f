"""Registers and changes OAuth clients; each change leaves its audit row and is in force everywhere within a second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from uuid import UUID

from gateway.admin.clients.differences import differences
from gateway.admin.journal import Actor, Change, Journal, Row
from gateway.oauth.clients.credentials import Credentials, credentials_context
from gateway.oauth.clients.methods import Method
from gateway.oauth.clients.registration import Registration, RegistrationRules, check_binding, registration
from gateway.oauth.clients.secrets import digest, new_secret
from gateway.oauth.tokens.binding import TokenBinding
from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import Activity, Environment, Kind, Tenant, to_text
from kernel.masked import Secret
from kernel.sealing import SealError, Vault

OVERLAP_DEFAULT = timedelta(days=1)
_STATE_ACTIONS = {Activity.ACTIVE: "client.resumed", Activity.SUSPENDED: "client.suspended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which merchants a client may act for, and where it may call from; empty means all."""

    merchant_ids: Sequence[UUID] = ()
    networks: Sequence[IPv4Network | IPv6Network] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client to make. `metadata` are those of RFC 7591 and RFC 8705 that its method needs, by their names."""

    partner_id: UUID
    environment: Environment
    name: str
    scopes: tuple[str, ...]
    method: Method = Method.SECRET_BASIC
    metadata: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    token_binding: TokenBinding = TokenBinding.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRotation:
    """How long the present secret stays good, and whether one that is older than it, and still good, ends now."""

    overlap: timedelta
    is_oldest_dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPatch:
    """What is to be different; None keeps what there is. Metadata replace what the client proved itself with."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    method: Method | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    merchant_ids: Sequence[UUID] | None = None
    networks: Sequence[IPv4Network | IPv6Network] | None = None
    token_binding: TokenBinding | None = None

    def wanted(self) -> dict[str, Any]:
        """What it says of each field that has a column of its own, by the name of the API's member."""
        return {
            "name": self.name,
            "scopes": self.scopes,
            "token_endpoint_auth_method": self.method,
            "merchant_ids": self.merchant_ids,
            "networks": self.networks,
            "token_binding": self.token_binding,
        }

    def changed(self) -> list[str]:
        """The names of the fields that it changes."""
        return [*(name for name, value in self.wanted().items() if value is not None), *self.metadata]


class ClientBook:
    """See the module. A row's sealed credentials are opened by `credentials`."""

    def __init__(self, journal: Journal, vault: Vault, rules: RegistrationRules, clock: Clock) -> None:
        self._journal = journal
        self._vault = vault
        self._rules = rules
        self._clock = clock

    async def add(self, actor: Actor, new: NewClient) -> tuple[Row, Secret | None]:
        """A client, and its secret if it has one, which is kept as a digest only. Raises Invalid, NotFound."""
        registered = registration(new.method, new.metadata, self._rules, self._clock.now())
        check_binding(new.token_binding, self._rules)
        await self._check_merchants(Tenant(new.partner_id, new.environment), new.limits.merchant_ids)
        identifier = self._journal.new_id()
        secret = new_secret() if new.method.has_secret else None
        change = Change(
            query="add_client",
            arguments=(
                new.partner_id,
                identifier,
                new.environment,
                new.name,
                list(new.scopes),
                new.method,
                None if secret is None else digest(secret),
                await self._sealed(new.partner_id, identifier, registered.credentials),
                list(new.limits.merchant_ids),
                list(new.limits.networks),
                new.token_binding,
            ),
            action="client.created",
            target=to_text(Kind.CLIENT, identifier, new.environment),
            partner_id=new.partner_id,
            detail={
                "environment": new.environment,
                "scopes": new.scopes,
                "method": new.method,
                "token_binding": new.token_binding,
                "is_limited": bool(new.limits.merchant_ids or new.limits.networks),
            },
        )
        await self._journal.change(actor, change)
        return await self.get(Tenant(new.partner_id, new.environment), identifier), secret

    async def page(self, partner_id: UUID, before: UUID | None, limit: int) -> Sequence[Row]:
        """A page of a partner's clients, newest first; `before` is the last id of the page before."""
        return await self._journal.fetch("list_clients", partner_id, before, limit)

    async def get(self, tenant: Tenant, client_id: UUID) -> Row:
        """One client. Raises NotFound."""
        rows = await self._journal.fetch("find_client", tenant.partner_id, client_id, tenant.environment)
        if not rows:
            raise NotFound
        return rows[0]

    async def change(self, actor: Actor, tenant: Tenant, client_id: UUID, patch: ClientPatch) -> Row:
        """Raises Invalid, NotFound, and Conflict where somebody else changed it at the same time."""
        row = await self.get(tenant, client_id)
        registered = self._registered(row, patch)
        check_binding(patch.token_binding, self._rules)
        await self._check_merchants(tenant, patch.merchant_ids or ())
        sealed = row["sealed_credentials"]
        if registered is not None:
            sealed = await self._sealed(tenant.partner_id, client_id, registered.credentials)
        change = Change(
            query="change_client",
            arguments=(
                tenant.partner_id,
                client_id,
                tenant.environment,
                row["version"],
                patch.name,
                None if patch.scopes is None else list(patch.scopes),
                row["method"] if registered is None else registered.method,
                sealed,
                None if patch.merchant_ids is None else list(patch.merchant_ids),
                None if patch.networks is None else list(patch.networks),
                patch.token_binding,
            ),
            action="client.changed",
            target=to_text(Kind.CLIENT, client_id, tenant.environment),
            partner_id=tenant.partner_id,
            detail={"changed": patch.changed(), "values": differences(row, patch.wanted())},
        )
        if await self._journal.change(actor, change) is None:
            raise Conflict("The client was changed at the same time.", code="client_changed")
        return await self.get(tenant, client_id)

    async def rotate_secret(
        self, actor: Actor, tenant: Tenant, client_id: UUID, rotation: SecretRotation
    ) -> tuple[Row, Secret]:
        """A new secret; the present one stays good for the overlap.

        Raises NotFound, and Conflict for a client without secrets (`client_has_no_secret`), or while one older than the
        present is still good (`older_secret_good`), unless that one is dropped.
        """
        before = await self.get(tenant, client_id)
        if not Method(before["method"]).has_secret:
            raise Conflict("The client proves itself without a secret.", code="client_has_no_secret")
        secret, now = new_secret(), self._clock.now()
        change = Change(
            query="rotate_client_secret",
            arguments=(
                tenant.partner_id,
                client_id,
                tenant.environment,
                digest(secret),
                now + rotation.overlap,
                now,
                rotation.is_oldest_dropped,
            ),
            action="client.secret_rotated",
            target=to_text(Kind.CLIENT, client_id, tenant.environment),
            partner_id=tenant.partner_id,
            detail={
                "overlap_seconds": int(rotation.overlap.total_seconds()),
                "drop_oldest": rotation.is_oldest_dropped,
            },
        )
        if await self._journal.change(actor, change) is None:
            raise Conflict(
                "An older secret of the client is still good.",
                code="older_secret_good",
                action="Wait until older_secret_ends_at, or rotate with drop_oldest, which ends that secret now.",
            )
        return await self.get(tenant, client_id), secret

    async def set_state(self, actor: Actor, tenant: Tenant, client_id: UUID, state: Activity) -> Row:
        """Suspend, which ends the client's tokens for good, or resume. Raises NotFound."""
        change = Change(
            query="set_client_state",
            arguments=(tenant.partner_id, client_id, state, tenant.environment),
            action=_STATE_ACTIONS[state],
            target=to_text(Kind.CLIENT, client_id, tenant.environment),
            partner_id=tenant.partner_id,
        )
        await self._journal.change(actor, change)
        return await self.get(tenant, client_id)

    async def revoke_tokens(self, actor: Actor, tenant: Tenant, client_id: UUID) -> Row:
        """End every token that the client has now; it can get new ones. Raises NotFound."""
        change = Change(
            query="end_client_tokens",
            arguments=(tenant.partner_id, client_id, tenant.environment),
            action="client.tokens_revoked",
            target=to_text(Kind.CLIENT, client_id, tenant.environment),
            partner_id=tenant.partner_id,
        )
        await self._journal.change(actor, change)
        return await self.get(tenant, client_id)

    async def credentials(self, rows: Sequence[Row]) -> list[Credentials | None]:
        """What each proves itself with; None for one with a secret, or whose partner's key was destroyed."""
        sealed = [
            (row["partner_id"], row["sealed_credentials"], credentials_context(row["id"]))
            for row in rows
            if row["sealed_credentials"] is not None
        ]
        opened = iter(await self._vault.open_each(sealed))
        return [None if row["sealed_credentials"] is None else _credentials(next(opened)) for row in rows]

    def _registered(self, row: Row, patch: ClientPatch) -> Registration | None:
        """The client's new registration; None where the patch leaves it alone. Raises Invalid."""
        if patch.method is None and not patch.metadata:
            return None
        method = patch.method or Method(row["method"])
        if method.has_secret and not Method(row["method"]).has_secret:
            message = "A client that proves itself without a secret gets none: make a new client."
            raise Invalid([FieldError(pointer="/token_endpoint_auth_method", code="needs_new_client", message=message)])
        return registration(method, patch.metadata, self._rules, self._clock.now())

    async def _check_merchants(self, tenant: Tenant, merchant_ids: Sequence[UUID]) -> None:
        if not merchant_ids:
            return
        rows = await self._journal.fetch("known_merchants", tenant.partner_id, tenant.environment, list(merchant_ids))
        known = {row["id"] for row in rows}
        message = "There is no such merchant of this partner and environment."
        errors = [
            FieldError(pointer=f"/merchant_ids/{index}", code="unknown_id", message=message)
            for index, merchant_id in enumerate(merchant_ids)
            if merchant_id not in known
        ]
        if errors:
            raise Invalid(errors)

    async def _sealed(self, partner_id: UUID, client_id: UUID, credentials: Credentials | None) -> bytes | None:
        if credentials is None:
            return None
        key = await self._vault.data_key(partner_id)
        return self._vault.seal(key, credentials.to_bytes(), credentials_context(client_id))


def _credentials(opened: bytes | SealError) -> Credentials | None:
    return None if isinstance(opened, SealError) else Credentials.from_bytes(opened)
