"""Registers and changes OAuth clients; each change leaves its audit row and is in force everywhere within a second."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from gateway.admin.clients.differences import differences
from gateway.admin.clients.model import ClientPatch, NewClient, SecretRotation
from gateway.admin.journal import Actor, Change, Journal, Row
from gateway.oauth.clients.credentials import (
    BindingCertificates,
    Credentials,
    Opened,
    binding_context,
    credentials_context,
    open_rows,
)
from gateway.oauth.clients.methods import Method
from gateway.oauth.clients.registration import (
    Registration,
    RegistrationRules,
    binding_certificates,
    check_binding,
    registration,
)
from gateway.oauth.clients.secrets import digest, new_secret
from gateway.oauth.tokens.binding import TokenBinding
from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import Activity, Kind, Tenant, to_text
from kernel.masked import Secret
from kernel.sealing import Vault

OVERLAP_DEFAULT = timedelta(days=1)
_STATE_ACTIONS = {Activity.ACTIVE: "client.resumed", Activity.SUSPENDED: "client.suspended"}


class ClientBook:
    """See the module. What a row holds sealed is opened by `opened`."""

    def __init__(self, journal: Journal, vault: Vault, rules: RegistrationRules, clock: Clock) -> None:
        self._journal = journal
        self._vault = vault
        self._rules = rules
        self._clock = clock

    async def add(self, actor: Actor, new: NewClient) -> tuple[Row, Secret | None]:
        """A client, and its secret if it has one, which is kept as a digest only. Raises Invalid, NotFound."""
        registered = registration(new.method, new.metadata, self._rules, self._clock.now())
        check_binding(new.token_binding, self._rules)
        binding = binding_certificates(new.token_binding, new.binding_certificates, self._clock.now())
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
                await self._sealed(new.partner_id, registered.credentials, credentials_context(identifier)),
                list(new.limits.merchant_ids),
                list(new.limits.networks),
                new.token_binding,
                await self._sealed(new.partner_id, binding, binding_context(identifier)),
            ),
            action="client.created",
            target=to_text(Kind.CLIENT, identifier, new.environment),
            partner_id=new.partner_id,
            detail={
                "environment": new.environment,
                "scopes": new.scopes,
                "method": new.method,
                "token_binding": new.token_binding,
                "binding_certificates": len(new.binding_certificates),
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
            sealed = await self._sealed(tenant.partner_id, registered.credentials, credentials_context(client_id))
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
                await self._sealed_binding(row, patch),
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

    async def opened(self, rows: Sequence[Row]) -> list[Opened]:
        """What each proves itself with and is bound to; nothing where its partner's key was destroyed."""
        return await open_rows(self._vault, rows)

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

    async def _sealed_binding(self, row: Row, patch: ClientPatch) -> bytes | None:
        """The certificates that bind its tokens from now on; tokens that none binds have none. Raises Invalid."""
        binding = patch.token_binding or TokenBinding(row["token_binding"])
        named = binding_certificates(binding, patch.binding_certificates or (), self._clock.now())
        if patch.binding_certificates is not None or binding is not TokenBinding.MTLS:
            return await self._sealed(row["partner_id"], named, binding_context(row["id"]))
        kept: bytes | None = row["sealed_binding_certificates"]
        return kept

    async def _sealed(
        self, partner_id: UUID, value: Credentials | BindingCertificates | None, context: bytes
    ) -> bytes | None:
        if value is None:
            return None
        return self._vault.seal(await self._vault.data_key(partner_id), value.to_bytes(), context)
