"""The bank's counter for account information: consents, accounts, balances and transactions."""
