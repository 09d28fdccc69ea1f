"""What an admin says of one bank of a protocol."""

from dataclasses import dataclass
from enum import StrEnum

# The option, which every bank may have, of one whose reports end elsewhere than its protocol's; a LastWord.
LAST_REPORT = "last_report"
# The option of a bank with an option `issuer`: an IssuerInReturn.
ISSUER_IN_RETURN = "issuer_in_return"


class IssuerInReturn(StrEnum):
    """Whether payers bring the bank's issuer back (RFC 9207 §2.4); one that is brought is compared always."""

    OPTIONAL = "optional"
    REQUIRED = "required"


class SettingForm(StrEnum):
    """What a setting that is more than a text holds; it is read when the bank is configured."""

    CERTIFICATE = "certificate"
    PRIVATE_KEY = "private_key"
    URL = "url"
    RSA_KEY = "rsa_key"
    KEY_SET = "key_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """One setting that an admin gives for a bank of this protocol; a secret one is never shown again.

    With `choices` it takes nothing else, and with a `form` only what can be read as that.
    """

    name: str
    sentence: str
    secret: bool = False
    required: bool = True
    choices: tuple[str, ...] = ()
    form: SettingForm | None = None
