"""The keys that sign access tokens, on the admin API's wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.types import Request, Response


class RotationIn(Request):
    """How to rotate. `compromised` ends every access token at once."""

    compromised: bool = False


class SigningKeyOut(Response):
    """A key; its id is the `kid` of its tokens. Private parts are shown nowhere."""

    id: str
    object: Literal["signing_key"]
    stage: Literal["next", "signing", "old"]
    signs_at: datetime
    created_at: datetime
