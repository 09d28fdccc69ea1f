"""Admin tokens on the admin port."""

from gateway.admin.services import AdminServices
from gateway.admin.tokens import handlers as do
from gateway.admin.tokens.schemas import AdminTokenCreated, AdminTokenIn, AdminTokenOut
from gateway.http.route import Route, admin_family
from gateway.schemas.pages import Page, PageQuery

_TOKENS = admin_family("admin tokens")

TOKEN_ROUTES: tuple[Route[AdminServices], ...] = (
    _TOKENS.post(
        "/admin/v1/admin-tokens",
        do.create_admin_token,
        "Make an admin token; it is in this answer and nowhere else.",
        request=AdminTokenIn,
        response=AdminTokenCreated,
        status=201,
    ),
    _TOKENS.get(
        "/admin/v1/admin-tokens",
        do.list_admin_tokens,
        "List the admin tokens that were ever made, newest first; never the tokens themselves.",
        query=PageQuery,
        response=Page[AdminTokenOut],
    ),
    _TOKENS.post(
        "/admin/v1/admin-tokens/{admin_token_id}/revoke",
        do.revoke_admin_token,
        "End an admin token, from the next request on; one that was revoked stays so.",
        response=AdminTokenOut,
    ),
)
