"""What of a bank's words may stand in plain columns. Pure."""

import re
from dataclasses import replace

from adapters.contract import Evidence

# Codes and references of banks stand in plain columns; what does not look like one is not kept there.
_CODE = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_REFERENCE = re.compile(r"[A-Za-z0-9._:/+=~-]{1,128}")


def clean(evidence: Evidence) -> Evidence:
    """Without what does not look like a code or a reference."""
    return replace(
        evidence,
        raw_code=_matching(_CODE, evidence.raw_code),
        iso_code=_matching(_CODE, evidence.iso_code),
        bank_reference=clean_reference(evidence.bank_reference),
        consent_id=clean_reference(evidence.consent_id),
    )


def clean_reference(text: str | None) -> str | None:
    """A bank's reference, if it looks like one."""
    return _matching(_REFERENCE, text)


def _matching(form: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and form.fullmatch(text) else None
