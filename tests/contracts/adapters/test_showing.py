"""Partners are shown what a bank would get: every mapping can build it from masked values, and nothing leaks."""

from dataclasses import replace

import pytest

from adapters.contract import Account, Bank, BankSettings, Creditor
from adapters.declaration import AccountScheme
from kernel.ids import Environment
from kernel.masked import AccountNumber, PersonName, Secret
from payments.banks import ConfiguredBank
from payments.intents.rehearsal import show_requests
from tests.contracts.adapters.kit.harness import ADAPTERS, PAYING
from tests.support import banks

ACCOUNTS = {
    AccountScheme.IBAN: Account(iban=AccountNumber("GB33BUKB20201555555555")),
    AccountScheme.SORT_CODE: Account(sort_code="202015", account_number=AccountNumber("31926819")),
    AccountScheme.ROUTING_NUMBER: Account(routing_number="021000021", account_number=AccountNumber("4031926819")),
}
HIDDEN = ("uniquely", "named", "BUKB20201555555555", "3192", "40319268", "370400440532", "192.0.2.7", "s3cret")


@pytest.mark.parametrize("name", PAYING)
@pytest.mark.parametrize("scheme", AccountScheme)
def test_a_submission_is_shown_without_what_is_masked(name: str, scheme: AccountScheme) -> None:
    """Whatever the form of the account, the request is whole, and no name, account number or secret is in it."""
    adapter = ADAPTERS[name]
    if scheme not in adapter.declaration.accounts:
        pytest.skip("this bank does not pay to such accounts")
    secrets = {each.name: Secret("s3cret") for each in adapter.declaration.settings if each.secret}
    settings = BankSettings(base_url="https://bank.example.com", secrets=secrets)
    creditor = Creditor(name=PersonName("Uniquely Named"), account=ACCOUNTS[scheme])
    instruction = replace(banks.fitting(adapter.declaration, settings), creditor=creditor)
    bank = Bank(id=name, adapter=name, environment=Environment.TEST, settings=settings)
    shown, *_ = show_requests(ConfiguredBank(bank=bank, name=name, adapter=adapter, suspended=False), instruction)
    everything = f"{shown.path} {dict(shown.headers)} {shown.body}".lower()
    assert shown.method == "POST"
    assert shown.body
    assert not [hidden for hidden in HIDDEN if hidden.lower() in everything]
    assert instruction.reference.reveal().lower() in everything
