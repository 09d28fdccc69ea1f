"""One configured bank and an admin's settings of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import orjson

from kernel.ids import Environment
from kernel.masked import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSettings:
    """An admin's settings of one bank.

    Every bank may have a TLS client certificate (secrets `tls_certificate` and `tls_key`, PEM) and a certificate
    authority of its own (option `tls_ca`, PEM), and may say where its reports end (option `last_report`); the adapter
    declares the others.
    """

    base_url: str
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The settings as bytes to seal: this is the one place where the secrets leave their type."""
        secrets = {name: secret.reveal() for name, secret in self.secrets.items()}
        return orjson.dumps(
            {"base_url": self.base_url, "secrets": secrets, "options": dict(self.options)},
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def from_json(cls, sealed: bytes) -> Self:
        """The settings that `to_json` wrote. Raises ValueError or KeyError for anything else."""
        raw = orjson.loads(sealed)
        secrets = {name: Secret(value) for name, value in raw["secrets"].items()}
        return cls(base_url=raw["base_url"], secrets=secrets, options=dict(raw["options"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One configured instance of an adapter; a new `version` gets new sessions and tokens."""

    id: str
    adapter: str
    environment: Environment
    settings: BankSettings
    version: int = 1
