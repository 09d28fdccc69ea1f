"""Account information: consents of account holders, their accounts, balances and transactions. No money moves here."""
