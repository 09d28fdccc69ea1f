"""An endpoint's own headers. Names and values are the caller's words, so no error repeats one."""

import re
from collections.abc import Mapping

from kernel.errors import FieldError
from webhooks.sending.sender import is_reserved

HEADERS_MAX = 20
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]{0,1024}")


def check_header_map(headers: Mapping[str, str | None], pointer: str) -> list[FieldError]:
    """What is wrong with the headers of one field, at most one error."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value or ""):
            message = "names must be tokens of 64 characters at most, values 1024 printable ASCII characters at most"
            return [FieldError(pointer=pointer, code="header_invalid", message=message)]
        if is_reserved(name):
            message = "must not set headers that Threadneedle or HTTP itself sets"
            return [FieldError(pointer=pointer, code="header_reserved", message=message)]
    return []


def check_headers_together(plain: Mapping[str, str], secret: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with all headers of an endpoint: their number, and names that differ in case only."""
    names = [name.lower() for name in (*plain, *secret)]
    errors = []
    if len(names) > HEADERS_MAX:
        message = f"must be {HEADERS_MAX} at most, secret ones counted"
        errors.append(FieldError(pointer="/headers", code="count", message=message))
    if len(set(names)) < len(names):
        message = "must name each header once, secret ones counted; upper and lower case are the same"
        errors.append(FieldError(pointer="/headers", code="repeated", message=message))
    return errors
