"""Banks of the Berlin Group's NextGenPSD2 1.3.11: SEPA credit transfers, and account information."""
