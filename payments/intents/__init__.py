"""Intent first: everything about a payment is committed before the first byte leaves."""
