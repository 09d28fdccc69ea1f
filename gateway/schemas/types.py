"""The field types of the API's bodies. Validators raise errors that say what is right, never what was sent."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from gateway.schemas.members import Closed
from kernel.masked import AccountNumber, Masked, PersonName
from kernel.money import VALUE_MAX, exponent_of

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
# What every bank's reference field takes (EPC217-08, the basic Latin set).
REFERENCE_LENGTH_MAX = 35
# The inside of a regular expression's character class.
REFERENCE_CHARSET = r"A-Za-z0-9/\-?:().,'+ "
_REFERENCE = re.compile(f"[{REFERENCE_CHARSET}]{{1,{REFERENCE_LENGTH_MAX}}}")
# schwifty reads its registry with the first IBAN; read with the module, it holds up no request.
IBAN("GB33BUKB20201555555555")
# ABA routing numbers: the first two digits are a district (00 to 12), a thrift (21 to 32), electronic (61 to 72) or 80.
_ROUTING_NUMBER = re.compile(r"(0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)\d{7}", re.ASCII)
_ROUTING_WEIGHTS = (3, 7, 1) * 3
_METADATA_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
_METADATA_MAX = 20
_METADATA_VALUE_MAX = 500
_NAME_MAX = 140


class Request(Closed):
    """A body that is written: unknown members are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(Closed):
    """A query string: everything in it is text, so numbers are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _open(schema: dict[str, Any]) -> None:
    """Members may be added, so clients that read the document must not refuse those that it does not know."""
    schema.pop("additionalProperties", None)


class Response(BaseModel):
    """An answer, as the OpenAPI document shows it; here, what is not described is refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_open)


def wrong(code: str, message: str) -> PydanticCustomError:
    """A field error with a code of ours."""
    return PydanticCustomError(f"tn_{code}", message)


def given(value: Any) -> Any:
    """For changes: a field is left out to keep it, and null would say nothing."""
    if value is None:
        raise wrong("type", "Leave the field out to keep it as it is; null means nothing here.")
    return value


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        raise wrong("format", "Expected a time as RFC 3339 writes it, e.g. 2026-01-31T09:30:00Z.")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong("format", "There is no such time.") from None


def _currency(value: str) -> str:
    try:
        exponent_of(value)
    except ValueError:
        raise wrong("unknown_currency", "Expected an ISO 4217 code with a minor unit, e.g. GBP.") from None
    return value


def _iban(value: AccountNumber) -> AccountNumber:
    compact = AccountNumber.compact(value.reveal())
    try:
        IBAN(compact.reveal())
    except (SchwiftyException, ValueError, KeyError):
        raise wrong("invalid_iban", "This is no IBAN: its country, length or check digits are wrong.") from None
    return compact


def _account_number(value: AccountNumber) -> AccountNumber:
    if re.fullmatch(r"[0-9A-Za-z]{1,17}", value.reveal()) is None:
        raise wrong("format", "Expected 1 to 17 letters and digits; with a sort_code, 6 to 8 digits.")
    return value


def is_uk_number(value: AccountNumber | None) -> bool:
    """Whether it is an account number as it stands beside a sort code."""
    return value is not None and re.fullmatch(r"[0-9]{6,8}", value.reveal()) is not None


def _name(value: PersonName) -> PersonName:
    text = value.reveal()
    if not text.strip() or len(text) > _NAME_MAX or not text.isprintable():
        raise wrong("format", f"Expected 1 to {_NAME_MAX} printable characters.")
    return value


def _reference(value: Masked) -> Masked:
    if _REFERENCE.fullmatch(value.reveal()) is None or not value.reveal().strip():
        raise wrong("format", "Expected 1 to 35 characters: Latin letters, digits, space and / - ? : ( ) . , ' +")
    return value


def _metadata(value: Any) -> dict[str, str]:
    """Checked as a whole, so that no error names a key, which is the caller's own word."""
    if not isinstance(value, dict) or len(value) > _METADATA_MAX:
        raise wrong("format", f"Expected an object with at most {_METADATA_MAX} members.")
    if not all(_METADATA_KEY.fullmatch(key) and _is_text(item) for key, item in value.items()):
        raise wrong("format", f"Keys are 1 to 40 of A-Z a-z 0-9 _ . -, values texts of up to {_METADATA_VALUE_MAX}.")
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _METADATA_VALUE_MAX


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong("type", "Expected an object.")
    return value


def _sort_code(value: Any) -> str:
    digits = value.replace("-", "") if isinstance(value, str) else ""
    if re.fullmatch(r"[0-9]{6}", digits) is None:
        raise wrong("format", "Expected six digits, e.g. 12-34-56.")
    return digits


def _routing_number(value: Any) -> str:
    """Nine digits of a Federal Reserve district, an electronic or a thrift range, whose weighted sum ends with 0."""
    if not isinstance(value, str) or _ROUTING_NUMBER.fullmatch(value) is None:
        raise wrong("format", "Expected nine digits of an ABA routing number.")
    if sum(weight * int(digit) for weight, digit in zip(_ROUTING_WEIGHTS, value, strict=True)) % 10:
        raise wrong("invalid_routing_number", "This is no ABA routing number: its check digit is wrong.")
    return value


def _flag(value: Any) -> bool:
    if value not in {"true", "false"}:
        raise wrong("format", "Expected true or false.")
    return bool(value == "true")


def _shown(kind: str, **schema: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **schema})


def whole(check: Callable[[Any], Any], kind: str = "object", **schema: Any) -> tuple[BeforeValidator, WithJsonSchema]:
    """A field that one function checks as a whole, and how the OpenAPI document shows it."""
    return BeforeValidator(check), _shown(kind, **schema)


Time = Annotated[datetime, BeforeValidator(_time), _shown("string", format="date-time")]
Currency = Annotated[str, AfterValidator(_currency), _shown("string", pattern="^[A-Z]{3}$", examples=["GBP"])]
Iban = Annotated[AccountNumber, AfterValidator(_iban), _shown("string", examples=["GB33BUKB20201555555555"])]
RoutingNumber = Annotated[
    str, BeforeValidator(_routing_number), _shown("string", pattern="^[0-9]{9}$", examples=["021000021"])
]
Flag = Annotated[bool, BeforeValidator(_flag), _shown("boolean")]
SortCode = Annotated[str, BeforeValidator(_sort_code), _shown("string", examples=["12-34-56"])]
DomesticNumber = Annotated[
    AccountNumber, AfterValidator(_account_number), _shown("string", pattern="^[0-9A-Za-z]{1,17}$")
]
Name = Annotated[PersonName, AfterValidator(_name), _shown("string", minLength=1, maxLength=_NAME_MAX)]
Reference = Annotated[
    Masked, AfterValidator(_reference), _shown("string", minLength=1, maxLength=35, examples=["Invoice 2026-17"])
]
Metadata = Annotated[
    Mapping[str, str],
    BeforeValidator(_metadata),
    _shown("object", additionalProperties={"type": "string", "maxLength": _METADATA_VALUE_MAX}),
]
FreeObject = Annotated[dict[str, Any], BeforeValidator(_object), _shown("object", additionalProperties=True)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
MinorUnits = Annotated[int, Field(ge=1, le=VALUE_MAX)]


class MoneyIn(Request):
    """An amount: whole minor units (1234 is £12.34) of an ISO 4217 currency."""

    currency: Currency
    value: MinorUnits


class MoneyOut(Response):
    """An amount in minor units."""

    currency: str
    value: int
