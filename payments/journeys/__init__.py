"""Payments that a payer authorises at the bank: who was sent out with what, and what became of it."""
