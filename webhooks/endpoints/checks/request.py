"""A whole request about an endpoint or its keys, checked before anything is locked."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel.errors import FieldError, Invalid
from kernel.masked import Secret
from webhooks.endpoints.checks.certificates import ClientCertificate, read_client_certificate
from webhooks.endpoints.checks.fields import check_fields
from webhooks.endpoints.checks.filters import check_filter
from webhooks.endpoints.checks.headers import check_headers_together
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, EndpointRules, Rotation
from webhooks.sending.signing import key_of
from webhooks.states import SignatureScheme


async def check_draft(draft: EndpointDraft, rules: EndpointRules, now: datetime) -> ClientCertificate | None:
    """The client certificate, read. Raises Invalid with every wrong field."""
    errors, certificate = await _check(draft.given(), rules, now)
    errors += check_headers_together(draft.headers, draft.secret_headers)
    errors += check_secret(draft.secret)
    if draft.merchant_id is not None and draft.merchant_ids:
        errors.append(merchants_of_merchant())
    raise_wrong(errors)
    return certificate


async def check_patch(patch: EndpointPatch, rules: EndpointRules, now: datetime) -> ClientCertificate | None:
    """The new client certificate, read. Raises Invalid with every wrong field, as far as the fields tell alone."""
    errors, certificate = await _check(patch.given(), rules, now)
    raise_wrong(errors)
    return certificate


def check_rotation(rotation: Rotation, rules: EndpointRules) -> None:
    """Raises Invalid for an overlap out of range, a secret of another form, or one for a scheme that makes its own."""
    errors = check_secret(rotation.secret)
    if rotation.secret is not None and rotation.scheme is SignatureScheme.V1A:
        message = "must be left out for v1a: nobody but Threadneedle has that private key"
        errors = [FieldError(pointer="/secret", code="secret_not_taken", message=message)]
    if rotation.overlap is not None and not timedelta(0) <= rotation.overlap <= rules.overlap_max:
        message = f"must be 0 to {int(rules.overlap_max.total_seconds())} seconds"
        errors.append(FieldError(pointer="/overlap_seconds", code="out_of_range", message=message))
    raise_wrong(errors)


def check_secret(secret: Secret | None) -> list[FieldError]:
    """What is wrong with a caller's own v1 secret."""
    if secret is None:
        return []
    try:
        key_of(secret)
    except ValueError:
        message = "must be whsec_ and 24 to 64 bytes in base64"
        return [FieldError(pointer="/secret", code="secret_invalid", message=message)]
    return []


def merchants_of_merchant() -> FieldError:
    """A merchant's own endpoint hears of that merchant alone."""
    message = "must be empty for a merchant's own endpoint"
    return FieldError(pointer="/merchant_ids", code="merchant_endpoint", message=message)


def raise_wrong(errors: list[FieldError]) -> None:
    """Raises Invalid if there are errors."""
    if errors:
        raise Invalid(errors, "The endpoint has fields that are not valid.")


async def _check(
    given: Mapping[str, Any], rules: EndpointRules, now: datetime
) -> tuple[list[FieldError], ClientCertificate | None]:
    errors, certificate = check_fields(given, rules), None
    if (text := given.get("filter")) is not None:
        errors += await asyncio.to_thread(check_filter, text, rules)
    if (request := given.get("client_certificate")) is not None:
        certificate, wrong = await asyncio.to_thread(read_client_certificate, request, now)
        errors += wrong
    return errors, certificate
