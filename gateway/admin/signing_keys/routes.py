"""The signing keys on the admin port."""

from gateway.admin.services import AdminServices
from gateway.admin.signing_keys import handlers as do
from gateway.admin.signing_keys.schemas import RotationIn, SigningKeyOut
from gateway.http.route import Route, admin_family
from gateway.schemas.pages import Page

_SIGNING_KEYS = admin_family("signing keys")

SIGNING_KEY_ROUTES: tuple[Route[AdminServices], ...] = (
    _SIGNING_KEYS.get(
        "/admin/v1/signing-keys",
        do.list_signing_keys,
        "List the keys that sign and verify access tokens, the one that signs last first.",
        response=Page[SigningKeyOut],
    ),
    _SIGNING_KEYS.post(
        "/admin/v1/signing-keys/rotate",
        do.rotate_signing_keys,
        "Publish the next key now; or, for a key that others may hold, replace all keys and end all tokens.",
        request=RotationIn,
        refuses=("rotation_under_way",),
        response=Page[SigningKeyOut],
    ),
)
