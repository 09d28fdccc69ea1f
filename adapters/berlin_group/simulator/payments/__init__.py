"""The bank's payments: what it takes, its books, and what becomes of a payment."""
