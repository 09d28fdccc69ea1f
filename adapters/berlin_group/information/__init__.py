"""Account information of the protocol: consents of account holders, accounts, balances and transactions."""
