"""What banks send, tokens, and what the service says about itself."""

from gateway.handlers import banks, documents
from gateway.http.route import KIB, Access, Route, open_read
from gateway.limits.policy import LimitClass
from gateway.schemas.documents import JwksOut, LiveOut, MetadataOut, NotificationOut, ReadyOut, TokenIn, TokenOut
from gateway.services import Services

DOCUMENTS: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/banks/{bank_id}/notifications",
        handler=banks.accept_notification,
        sentence="A bank tells us something; it is kept before it is answered.",
        access=Access.OPEN,
        limit=LimitClass.UNLIMITED,
        response=NotificationOut,
        raw=True,
        body_bytes_max=512 * KIB,
        tag="banks",
    ),
    Route(
        method="POST",
        path="/oauth/token",
        handler=documents.token,
        sentence="Get an access token with a client's credentials (RFC 6749 §4.4).",
        access=Access.OPEN,
        limit=LimitClass.TOKEN,
        request=TokenIn,
        response=TokenOut,
        raw=True,
        body_bytes_max=8 * KIB,
        tag="oauth",
    ),
    open_read("/oauth/jwks.json", documents.jwks, "Read the keys that verify access tokens (RFC 7517).", JwksOut),
    open_read(
        "/.well-known/oauth-authorization-server",
        documents.oauth_metadata,
        "Read what this server can do (RFC 8414).",
        MetadataOut,
    ),
    open_read("/livez", documents.livez, "Say that this process runs.", LiveOut),
    open_read("/readyz", documents.readyz, "Say whether this process may be sent requests.", ReadyOut),
)
