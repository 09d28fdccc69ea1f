"""Admin API tokens: made, shown once, listed and revoked."""
