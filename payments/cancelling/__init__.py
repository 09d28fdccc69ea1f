"""Withdrawing a payment, and never saying so before it is true."""
