"""The simulated bank's keys and those of its one client, made once and kept in a file where a run is to find them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from joserfc.jwk import KeySet, RSAKey

from adapters.contract import BankSettings
from kernel.masked import Secret

CLIENT_ID = "threadneedle-test-client"
CLIENT_SIGNER = "test-organisation/test-software"
BANK_SIGNER = "test-bank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Two private RSA keys: the bank's, and the client's that the bank knows the public half of."""

    bank: RSAKey
    client: RSAKey

    @classmethod
    def create(cls) -> Self:
        """New keys."""
        bank, client = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("bank-1", "client-1"))
        return cls(bank=bank, client=client)

    @classmethod
    def kept(cls, path: Path) -> Self:
        """Those of the file; new ones where there is none yet. Only this user can read it."""
        if path.exists():
            keys = json.loads(path.read_text(encoding="utf-8"))
            return cls(bank=RSAKey.import_key(keys["bank"]), client=RSAKey.import_key(keys["client"]))
        made = cls.create()
        path.touch(mode=0o600)
        keys = {"bank": made.bank.as_dict(private=True), "client": made.client.as_dict(private=True)}
        path.write_text(json.dumps(keys), encoding="utf-8")
        return made

    @property
    def client_jwks(self) -> str:
        """The client's public key as the bank knows it."""
        return json.dumps(KeySet([self.client]).as_dict(private=False))

    def settings(self, base_url: str, version: str = "4.0", **options: str) -> BankSettings:
        """What an admin enters to reach the bank that listens there; `options` are further ones."""
        return BankSettings(
            base_url=base_url,
            secrets={"signing_key": Secret(self.client.as_pem(private=True).decode("ascii"))},
            options={
                "version": version,
                "issuer": base_url,
                "authorization_url": f"{base_url}/oauth/authorize",
                "token_url": f"{base_url}/oauth/token",
                "client_id": CLIENT_ID,
                "signing_key_id": self.client.kid or "",
                "signature_issuer": CLIENT_SIGNER,
                "bank_jwks": json.dumps(KeySet([self.bank]).as_dict(private=False)),
                "bank_signature_issuer": BANK_SIGNER,
                **options,
            },
        )


@cache
def of_this_process() -> Credentials:
    """One pair for all banks of a process: making keys takes longer than most tests."""
    return Credentials.create()
