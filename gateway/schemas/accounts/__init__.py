"""Consents, accounts, balances and transactions on the wire."""
