"""Account information: consents, accounts, balances and transactions."""
