"""Consents: what they are, which step comes next, and what an answer of a bank changes."""
