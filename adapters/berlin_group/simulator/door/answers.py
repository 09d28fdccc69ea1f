"""How the bank signs its answers, where it does."""

import datetime as dt

from aiohttp import web

from adapters.berlin_group.simulator.door.certificates import Pair
from adapters.contract import BankSettings
from adapters.signing.http_signature import HttpSignature
from adapters.signing.profile import Signable
from kernel.masked import Secret


def signed(response: web.Response, own: Pair) -> dict[str, str]:
    """The headers that sign this answer with the bank's own certificate."""
    settings = BankSettings(
        base_url="",
        secrets={"signing_key": Secret(own.key_pem)},
        options={"signing_certificate": own.certificate_pem},
    )
    body = response.body if isinstance(response.body, bytes) else b""
    call = Signable(method="", path="", headers=dict(response.headers), body=body)
    return HttpSignature().headers(call, settings, dt.datetime.now(dt.UTC))
