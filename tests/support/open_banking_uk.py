"""An Open Banking UK bank for tests: its settings with our key, instructions, and the official files as judges."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

from joserfc.jwk import KeySet

from adapters.contract import BankSettings, Handshake, Instruction
from adapters.declaration import OperationKind
from adapters.wire import WireRequest
from kernel.masked import Secret
from tests.support import banks
from tests.support.bank_keys import KEY_ID, signing_key, signing_pem
from tests.support.official import OfficialApi, official

KINDS = (OperationKind.CONSENT, OperationKind.CONFIRM_FUNDS, OperationKind.SUBMIT, OperationKind.ENQUIRE)
VERSIONS = ("4.0", "3.1.11")
PATHS = {"4.0": "v4.0", "3.1.11": "v3.1"}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B


def settings(version: str = "4.0", **options: str) -> BankSettings:
    """A bank that signs with the key that we sign with."""
    base = {
        "version": version,
        "issuer": "https://auth.bank.example",
        "authorization_url": "https://auth.bank.example/authorize",
        "token_url": "https://auth.bank.example/token",
        "client_id": "client-1",
        "signing_key_id": KEY_ID,
        "signature_issuer": "organisation/software",
        "bank_jwks": json.dumps(KeySet([signing_key()]).as_dict(private=False)),
    }
    return BankSettings(
        base_url="https://api.bank.example", secrets={"signing_key": signing_pem()}, options=base | options
    )


def handshake(code: str | None = None) -> Handshake:
    """What a payer is sent out with, and the code that they bring."""
    return Handshake(
        redirect_uri="https://gateway.example/banks/uk/callback",
        state=Secret("state-1"),
        nonce=Secret("nonce-1"),
        code_verifier=Secret(VERIFIER),
        code=None if code is None else Secret(code),
    )


def instruction(version: str = "4.0", **changes: Any) -> Instruction:
    """A payment whose payer has consented and brought a code."""
    standard = banks.instruction(settings=settings(version), consent_id="pdc-1", handshake=handshake("code-1"))
    return replace(standard, **changes)


def payments_api(version: str) -> OfficialApi:
    """The official file of payment initiation."""
    return official(
        f"open-banking-uk/v{version}/payment-initiation-openapi.json", f"/open-banking/{PATHS[version]}/pisp"
    )


def accounts_api(version: str) -> OfficialApi:
    """The official file of account information."""
    return official(f"open-banking-uk/v{version}/account-info-openapi.json", f"/open-banking/{PATHS[version]}/aisp")


def fresh(request: WireRequest) -> dict[str, str]:
    """The headers that the engine makes, for a judge that wants them all; the signature only where it is signed."""
    made = {name: str(uuid4()) for name in request.fresh}
    return made | ({"x-jws-signature": "header..signature"} if request.signed else {})


def words_of_answer(version: str, path: str, *place: str) -> set[str]:
    """The words that the file lists for a member below `Data` of a GET's answer; "[]" steps into a list."""
    api = payments_api(version)
    answer = api.resolved(api.resolved({"$ref": "#/paths/" + path.replace("/", "~1")})["get"]["responses"]["200"])
    schema = api.resolved(answer["content"]["application/json"]["schema"])
    for name in ("Data", *place):
        schema = api.resolved(schema["items"] if name == "[]" else schema["properties"][name])
    return set(schema["enum"])


def words_of_errors(version: str) -> set[str]:
    """The error codes that the file lists; version 4.0's lists none."""
    error = payments_api(version).resolved({"$ref": "#/components/schemas/OBError1"})
    return set(error["properties"]["ErrorCode"]["x-namespaced-enum"])
