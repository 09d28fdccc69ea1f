"""Consents of account holders on the admin port."""
