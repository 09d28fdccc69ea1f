"""The journey that `make run` plays: a partner, a bank and a merchant over real HTTP."""
