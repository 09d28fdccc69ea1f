"""Whether an answer is about the account that was asked for. Pure."""

from adapters.contract.accounts import BankAccount, Reading
from kernel.masked import AccountNumber


def is_anothers(account: BankAccount, reading: Reading) -> bool:
    """Whether the answer says that it is about another account; one that does not say is believed."""
    if reading.account_id is not None and reading.account_id != account.id:
        return True
    told, known = _plain(reading.iban), _plain(account.iban)
    return told is not None and known is not None and told != known


def _plain(number: AccountNumber | None) -> str | None:
    """As ISO 13616 stores it: banks may write it in groups."""
    return None if number is None else "".join(number.reveal().split()).upper()
