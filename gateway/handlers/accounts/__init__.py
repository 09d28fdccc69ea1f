"""Consents and reads: from calls to the accounts room and back."""
