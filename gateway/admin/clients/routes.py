"""OAuth clients on the admin port."""

from gateway.admin.clients import handlers as do
from gateway.admin.services import AdminServices
from gateway.http.route import Route, admin_family
from gateway.schemas.oauth.clients import ClientChange, ClientCreated, ClientIn, ClientOut, SecretRotationIn
from gateway.schemas.pages import Page, PageQuery

_ROWS = admin_family("clients")
_CLIENTS = "/admin/v1/partners/{partner_id}/clients"
_CLIENT = f"{_CLIENTS}/{{client_id}}"

CLIENT_ROUTES: tuple[Route[AdminServices], ...] = (
    _ROWS.post(
        _CLIENTS,
        do.create_client,
        "Register an OAuth client; if it has a secret, it is in this answer and nowhere else.",
        request=ClientIn,
        response=ClientCreated,
        status=201,
    ),
    _ROWS.get(
        _CLIENTS,
        do.list_clients,
        "List a partner's OAuth clients, newest first.",
        query=PageQuery,
        response=Page[ClientOut],
    ),
    _ROWS.get(_CLIENT, do.get_client, "Read one OAuth client; secrets are never shown again.", response=ClientOut),
    _ROWS.patch(
        _CLIENT,
        do.change_client,
        "Change a client's name, scopes, keys or limits, everywhere within a second, also for tokens that are out; "
        "another method or binding ends these.",
        request=ClientChange,
        response=ClientOut,
        refuses=("client_changed",),
    ),
    _ROWS.post(
        f"{_CLIENT}/secret/rotate",
        do.rotate_secret,
        "Give a client a new secret; the present one stays good for the overlap.",
        request=SecretRotationIn,
        response=ClientCreated,
        refuses=("client_has_no_secret", "older_secret_good"),
    ),
    _ROWS.post(
        f"{_CLIENT}/revoke-tokens",
        do.revoke_tokens,
        "End all tokens of a client, everywhere within a second; it can get new ones.",
        response=ClientOut,
    ),
    _ROWS.post(
        f"{_CLIENT}/suspend",
        do.suspend_client,
        "Stop serving a client, everywhere within a second; its tokens end for good.",
        response=ClientOut,
    ),
    _ROWS.post(f"{_CLIENT}/resume", do.resume_client, "Serve a client again; it needs new tokens.", response=ClientOut),
)
