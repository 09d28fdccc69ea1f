"""Whom the bank lets in: certificates with their roles, digests and signatures, and the headers of the standard."""
