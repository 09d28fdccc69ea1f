"""Reads banks' JSON strictly. What is not exactly as documented is Unreadable, and so proves nothing. Pure."""

import re
from datetime import datetime
from typing import Any

import orjson

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ID = re.compile(r"[!-~]{1,128}")


class Unreadable(ValueError):
    """The bytes are not what the bank documents; `raw_code` is a word that we do not know, or why not."""

    def __init__(self, raw_code: str | None = None) -> None:
        super().__init__("not as documented")
        self.raw_code = raw_code


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Unreadable."""
    try:
        return as_object(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise Unreadable from None


def as_object(value: object) -> dict[str, Any]:
    """A JSON object. Raises Unreadable."""
    if not isinstance(value, dict):
        raise Unreadable
    return value


def as_objects(value: object) -> list[dict[str, Any]]:
    """A list of JSON objects. Raises Unreadable."""
    if not isinstance(value, list):
        raise Unreadable
    return [as_object(each) for each in value]


def id_of(value: object) -> str:
    """An id of the bank's, which can stand in a path once it is quoted. Raises Unreadable."""
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Unreadable
    return value


def code_of(value: object) -> str | None:
    """A code that may stand in a plain column, or None for anything that is not a code."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def time_of(value: object) -> datetime | None:
    """A time with its zone, or None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
