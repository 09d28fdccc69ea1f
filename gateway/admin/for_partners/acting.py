"""An admin in the place of a partner: whose environment a call is about, and who is said to have acted."""

from gateway.admin.handlers import partner_id_of
from gateway.admin.parties import Parties
from gateway.http.call import Call
from gateway.oauth.scopes import Caller
from gateway.problems.errors import Unauthenticated
from kernel.errors import NotFound
from kernel.ids import Environment, Tenant


class Acting:
    """Makes the caller of a call from its path."""

    def __init__(self, parties: Parties) -> None:
        self._parties = parties

    async def caller(self, call: Call) -> Caller:
        """The partner's environment in the path, with the admin as the one who acts, so that the audit log says so.

        It reaches all merchants. Also of a suspended partner, whose webhooks go on. Raises NotFound.
        """
        if call.admin is None:
            raise Unauthenticated
        tenant = Tenant(partner_id_of(call), _environment(call.path_text("environment")))
        await self._parties.partner(tenant.partner_id)
        return Caller(tenant=tenant, client_id=call.admin.id, scopes=frozenset(), owner=call.admin.name)


def _environment(text: str) -> Environment:
    try:
        return Environment(text)
    except ValueError:
        raise NotFound from None
