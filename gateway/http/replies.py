"""From what handlers give back to aiohttp responses. Every response of the service is made here."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel

from gateway.problems.document import Problem

# The same for every answer: nothing here is to be cached, sniffed, framed or sent on as a referrer, and nobody needs
# to know which versions of what answer.
SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "Threadneedle",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


def answer(data: Any, status: int, headers: Mapping[str, str]) -> web.Response:
    """A JSON answer, or an empty one where `data` is None."""
    if data is None:
        return web.Response(status=status, headers={**SECURITY_HEADERS, **headers})
    typed = {**SECURITY_HEADERS, "Content-Type": "application/json", **headers}
    return web.Response(body=to_json(data), status=status, headers=typed)


def refuse(problem: Problem, request_id: str, headers: Mapping[str, str]) -> web.Response:
    """A problem document. After 408 the connection ends: what is left of the body is not waited for."""
    response = web.Response(
        body=orjson.dumps(problem.document(request_id)),
        status=problem.status,
        headers={**SECURITY_HEADERS, "Content-Type": "application/problem+json", **headers, **problem.headers},
    )
    if problem.status == HTTPStatus.REQUEST_TIMEOUT:
        response.force_close()
    return response


def to_json(data: Any) -> bytes:
    """Bytes of a pydantic model, of plain data, or of bytes that are ready."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, BaseModel):
        return data.__pydantic_serializer__.to_json(data)
    return orjson.dumps(data)
