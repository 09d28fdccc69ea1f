"""Open Banking UK read/write API, versions 4.0 and 3.1.11: payments by a payer's consent, and account information."""
