"""What banks send, tokens, and what the service says about itself."""

from gateway.callbacks.handlers import receive_payer, receive_payer_form
from gateway.handlers import banks, documents, oauth
from gateway.http.route import KIB, Columns, Route, open_family
from gateway.limits.policy import LimitClass
from gateway.schemas.documents import (
    InspectedTokenIn,
    IntrospectionOut,
    JwksOut,
    LiveOut,
    MetadataOut,
    NotificationOut,
    ReadyOut,
    ResourceMetadataOut,
    TokenIn,
    TokenOut,
)
from gateway.services import Services

_ABOUT = open_family("about")
_BANKS = open_family("banks")
_OAUTH = open_family("oauth")

# What the browser is shown where there is nowhere to send it on to, or nothing came of its return.
_PAGES = (200, 400, 410)

_NOTIFIED = Columns(
    response=NotificationOut,
    status=202,
    raw=True,
    body_bytes_max=512 * KIB,
    refuses=("bad_signature",),
    gives=("x-fapi-interaction-id",),
)

DOCUMENTS: tuple[Route[Services], ...] = (
    _BANKS.post(
        "/banks/{bank_id}/notifications",
        banks.accept_notification,
        "A bank tells us something; it is kept before it is answered.",
        **_NOTIFIED,
    ),
    _BANKS.post(
        "/banks/{bank_id}/{version}/event-notifications",
        banks.accept_event_notification,
        "The same, at an address that ends as Open Banking UK wants it: v4.0/event-notifications.",
        **_NOTIFIED,
    ),
    _BANKS.get(
        "/banks/{bank_id}/callback",
        receive_payer,
        "A payer comes back from a bank; the browser is sent on to the partner's return_url.",
        status=303,
        pages=_PAGES,
        gives=("Location",),
    ),
    _BANKS.post(
        "/banks/{bank_id}/callback",
        receive_payer_form,
        "A payer comes back from a bank with a form (OAuth 2.0 Form Post Response Mode).",
        status=303,
        pages=_PAGES,
        gives=("Location",),
        raw=True,
        body_bytes_max=16 * KIB,
    ),
    _OAUTH.post(
        "/oauth/token",
        oauth.token,
        "Get an access token with a client's credentials (RFC 6749 §4.4).",
        limit=LimitClass.TOKEN,
        request=TokenIn,
        response=TokenOut,
        gives=("DPoP-Nonce",),
        raw=True,
        body_bytes_max=8 * KIB,
        refuses=("key_fetches_busy",),
    ),
    _OAUTH.post(
        "/oauth/revoke",
        oauth.revoke_token,
        "End an access token of the client before its time (RFC 7009).",
        limit=LimitClass.TOKEN,
        request=InspectedTokenIn,
        raw=True,
        body_bytes_max=16 * KIB,
    ),
    _OAUTH.post(
        "/oauth/introspect",
        oauth.introspect_token,
        "Read what an access token of the client's partner says, and whether it is good (RFC 7662).",
        limit=LimitClass.TOKEN,
        request=InspectedTokenIn,
        response=IntrospectionOut,
        raw=True,
        body_bytes_max=16 * KIB,
    ),
    _ABOUT.get("/oauth/jwks.json", oauth.jwks, "Read the keys that verify access tokens (RFC 7517).", response=JwksOut),
    _ABOUT.get(
        "/.well-known/oauth-authorization-server",
        oauth.oauth_metadata,
        "Read what this server can do (RFC 8414).",
        response=MetadataOut,
    ),
    _ABOUT.get(
        "/.well-known/oauth-protected-resource",
        oauth.protected_resource,
        "Read who issues tokens for this API, and what they must be (RFC 9728).",
        response=ResourceMetadataOut,
    ),
    _ABOUT.get("/livez", documents.livez, "Say that this process runs.", response=LiveOut),
    _ABOUT.get(
        "/readyz",
        documents.readyz,
        "Say whether this process may be sent requests.",
        response=ReadyOut,
        others={503: ReadyOut},
    ),
)
