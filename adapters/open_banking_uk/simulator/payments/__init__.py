"""The bank's counter for payments: consents, payments, and what becomes of them."""
