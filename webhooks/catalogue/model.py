"""A type of event, its versions, and the bytes under their seals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from kernel.ids import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDocument:
    """What its owner wrote about a version, sealed in event_types.sealed_document; the schema is about events' data."""

    description: str
    schema: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The plaintext of sealed_document."""
        return orjson.dumps({"description": self.description, "schema": self.schema})

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> Self:
        """The opposite of `to_bytes`."""
        return cls(**orjson.loads(plaintext))


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeVersion:
    """One version of a type; it never changes, but may be deprecated. Ours have no times."""

    version: int
    document: TypeDocument
    is_deprecated: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type with its versions, newest first. `is_ours` says that only Threadneedle emits it."""

    name: str
    versions: tuple[TypeVersion, ...]
    is_ours: bool = False

    @property
    def current(self) -> TypeVersion:
        """The version of events that name none: the newest that is not deprecated, else the newest."""
        return next((version for version in self.versions if not version.is_deprecated), self.versions[0])

    def version(self, number: int) -> TypeVersion | None:
        """The version with the number."""
        return next((version for version in self.versions if version.version == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRules:
    """Caps per environment of a partner, and per type."""

    types_max: int = 200
    versions_max: int = 50


def document_context(tenant: Tenant, name: str, version: int) -> bytes:
    """What binds a sealed document to its row of event_types; the key is the partner's own."""
    return f"event_types.document:{tenant.environment.value}:{name}:{version}".encode()
