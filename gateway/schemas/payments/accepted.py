"""What is really taken in a field of a payment: what both this API and the bank take. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from adapters.declaration import FieldLimit
from gateway.schemas.types import REFERENCE_CHARSET, REFERENCE_LENGTH_MAX

_REFERENCE = FieldLimit(max_length=REFERENCE_LENGTH_MAX, charset=REFERENCE_CHARSET)
# Where our own rule may be narrower than a bank's; it is of ASCII alone.
_OURS: Mapping[str, FieldLimit] = {"/reference": _REFERENCE, "/end_to_end_id": _REFERENCE}
_ASCII = tuple(map(chr, range(128)))


def accepted(pointer: str, limit: FieldLimit) -> FieldLimit:
    """The bank's limit, within ours."""
    ours = _OURS.get(pointer)
    if ours is None:
        return limit
    length = min(limit.max_length, ours.max_length)
    return replace(limit, max_length=length, charset=_both(limit.charset, ours.charset))


@cache
def _both(theirs: str, ours: str) -> str:
    """A class of the characters that are in both; where ours are all among theirs, ours as it is written."""
    shared = [each for each in _ASCII if _is_in(each, theirs) and _is_in(each, ours)]
    if shared == [each for each in _ASCII if _is_in(each, ours)]:
        return ours
    return theirs if _is_subset(theirs, shared) else "".join(map(re.escape, shared))


def _is_subset(theirs: str, shared: list[str]) -> bool:
    return all(chr(code) in shared for code in range(0x3000) if _is_in(chr(code), theirs))


def _is_in(character: str, charset: str) -> bool:
    return re.fullmatch(f"[{charset}]", character) is not None
