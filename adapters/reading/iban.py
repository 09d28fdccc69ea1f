"""What looks like an IBAN, and whether it is one by its check digits."""

import re

_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def is_iban(value: object) -> bool:
    """The check digits of ISO 13616: letters count from 10, and the whole leaves 1 when divided by 97."""
    if not isinstance(value, str) or _FORM.fullmatch(value) is None:
        return False
    return int("".join(str(int(character, 36)) for character in value[4:] + value[:4])) % 97 == 1
