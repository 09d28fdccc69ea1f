"""The people who have accounts at this bank, and what stands on them. They are fictional."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """An account that a person can pay from and show."""

    id: str
    nickname: str
    holder: str
    sort_code: str
    number: str
    has_money: bool = True

    @property
    def identified(self) -> dict[str, str]:
        """The account as the standard names it."""
        identification = self.sort_code + self.number
        return {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": identification, "Name": self.holder}


ACCOUNTS = (
    HeldAccount(
        id="acc-current", nickname="Current account", holder="Pat Example", sort_code="202015", number="31926819"
    ),
    HeldAccount(id="acc-savings", nickname="Savings", holder="Pat Example", sort_code="202015", number="55779911"),
    HeldAccount(
        id="acc-empty",
        nickname="Empty account",
        holder="Pat Example",
        sort_code="202015",
        number="80008000",
        has_money=False,
    ),
)
WITHOUT_MONEY = tuple(each.identified for each in ACCOUNTS if not each.has_money)
BY_ID = {each.id: each for each in ACCOUNTS}
OFFERED = tuple((each.id, f"{each.nickname} ••••{each.number[-4:]}") for each in ACCOUNTS)
