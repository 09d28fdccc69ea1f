"""The sandbox bank: a JSON bank with idempotency keys and enquiry by our reference, for partners to try."""
