"""Bodies and query strings: read up to a cap, parsed strictly, validated with every field error at once."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any, TypeVar

import orjson
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from gateway.overload.load import PLACE, Place
from gateway.problems.errors import Malformed, RequestTimeout, TooLarge, UnsupportedMedia
from gateway.problems.fields import ERRORS_MAX, field_errors, pointer_to
from gateway.schemas.members import plain_names
from kernel.errors import FieldError, Invalid

Model = TypeVar("Model", bound=BaseModel)
Bytes = TypeVar("Bytes", bytes, bytearray)
DEPTH_MAX = 32
_JSON = "application/json"
_BODY_SECONDS = 10.0
# Every digit becomes a 0, so that a search finds what may be beyond 64 bits: 20 digits, or 19 behind a minus.
_DIGITS = bytes(ord("0") if chr(code).isascii() and chr(code).isdigit() else code for code in range(256))
_LONG, _LONG_BELOW = b"0" * 20, b"-" + b"0" * 19
_MIN, _MAX, _LENGTH_MAX = -(2**63), 2**64 - 1, 20
_ROUNDED = object()


async def read(request: web.Request, bytes_max: int, seconds: float = _BODY_SECONDS) -> bytes:
    """The body, which has this long to arrive as a whole; who sends it slowly holds a connection no longer than that.

    Raises TooLarge beyond the cap, RequestTimeout, UnsupportedMedia for a content encoding (it would hide its size).
    """
    if any(line.lower() != "identity" for line in request.headers.getall(CONTENT_ENCODING, ())):
        raise UnsupportedMedia("Content encodings are not accepted.")
    if (request.content_length or 0) > bytes_max:
        raise TooLarge(f"A body here has at most {bytes_max} bytes.")
    place = request.get(PLACE)
    if request.content.is_eof():  # most bodies came with their headers, and a timer costs more than reading them
        body = _bounded(request.content.read_nowait(), bytes_max)
        if place is not None:
            place.take(len(body))
        return body
    try:
        with place.parked() if place is not None else nullcontext():
            async with asyncio.timeout(seconds):
                return await _collect(request, bytes_max, place)
    except TimeoutError:
        raise RequestTimeout from None


async def _collect(request: web.Request, bytes_max: int, place: Place | None) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if place is not None:
            place.take(len(chunk))
        _bounded(body, bytes_max)
    return bytes(body)


def _bounded(body: Bytes, bytes_max: int) -> Bytes:
    if len(body) > bytes_max:
        raise TooLarge(f"A body here has at most {bytes_max} bytes.")
    return body


def check_json_type(request: web.Request) -> None:
    """Raises UnsupportedMedia unless the body says that it is JSON in UTF-8."""
    if request.headers.get(CONTENT_TYPE) == _JSON:
        return
    if request.content_type != _JSON or (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Send application/json in UTF-8.")


def parse(body: bytes, *, unique_names: bool = False) -> Any:
    """The JSON value. Raises Malformed for what is no JSON, too deep, holds NUL or (if asked) a name twice."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(_why_no_json(body, error)) from None
    if _may_be_deep(body):
        _check_depth(value)
    if b"\\u0000" in body:
        _check_texts(value)
    if unique_names:
        _check_names(body)
    return value


def _why_no_json(body: bytes, error: orjson.JSONDecodeError) -> str:
    """Where it ends to be JSON; of what is no UTF-8 the parser tells no place."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return "The body is not JSON in UTF-8."
    return f"The body is not JSON in UTF-8: see line {error.lineno}, column {error.colno}."


def check_numbers(body: bytes) -> None:
    """Raises Invalid for whole numbers beyond 64 bits, which the parser rounds: what we pass on is what was sent.

    `body` is JSON. Of a field that is a number by its type, its own bounds say so before.
    """
    digits = body.translate(_DIGITS)
    if _LONG not in digits and _LONG_BELOW not in digits:
        return
    message = "This whole number has more than 64 bits and could not be passed on as it is: send it as a text."
    places = _rounded(json.loads(body, parse_int=_whole))
    errors = [FieldError(pointer=pointer_to(place), code="too_large", message=message) for place in places]
    if errors:
        raise Invalid(errors[:ERRORS_MAX])


def validated(model: type[Model], value: Any, prefix: str = "") -> Model:
    """The typed request. Raises Invalid with every field error; `prefix` stands before their pointers."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(field_errors(error, prefix)) from None


def query(model: type[Model], values: MultiMapping[str]) -> Model:
    """The typed query string; a pointer names the parameter. Raises Invalid."""
    if len(values) != len(set(values)):
        names = [name for name in dict.fromkeys(values) if len(values.getall(name)) > 1]
        message = "Send this parameter once."
        raise Invalid([FieldError(pointer=place, code="repeated", message=message) for place in _places(names)])
    return validated(model, dict(values), "")


def no_parameters(values: MultiMapping[str]) -> Invalid:
    """The refusal of parameters where none are known."""
    message = "No parameters are known here."
    return Invalid([FieldError(pointer=place, code="unknown_field", message=message) for place in _places(values)])


def _places(names: Iterable[str]) -> list[str]:
    return [f"/{name}" for name in plain_names(dict.fromkeys(names))] or [""]


def _may_be_deep(body: bytes) -> bool:
    """Fewer brackets than the cap cannot nest deeper than it, and most bodies have few."""
    return body.count(b"{") + body.count(b"[") > DEPTH_MAX


def _check_depth(value: Any) -> None:
    """Looks at objects and lists only: a large batch is mostly texts."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise Malformed(f"The body nests deeper than {DEPTH_MAX} levels.")
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
            if isinstance(inner, dict | list)
        ]


def _check_texts(value: Any) -> None:
    level = [value]
    while level:
        if any(isinstance(item, str) and "\0" in item for item in level):
            raise Malformed("A text holds the character NUL.")
        level = [inner for item in level for inner in _inside(item)]


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (*value.keys(), *value.values())
    return value if isinstance(value, list) else ()


def _rounded(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the marks of `_whole` stand; `parse` has bounded the depth."""
    if value is _ROUNDED:
        yield place
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _rounded(item, (*place, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _rounded(item, (*place, index))


def _whole(text: str) -> object:
    """The number, or a mark for one that has not 64 bits; a very long one is not even read."""
    return value if len(text) <= _LENGTH_MAX and _MIN <= (value := int(text)) <= _MAX else _ROUNDED


def _check_names(body: bytes) -> None:
    """Orjson keeps the last of two equal names and tells nobody."""
    json.loads(body, object_pairs_hook=_unique, parse_int=_ignore, parse_float=_ignore)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed("An object names one member twice.")


def _ignore(_: str) -> None:
    """Numbers do not matter here, and very long ones would be slow."""
