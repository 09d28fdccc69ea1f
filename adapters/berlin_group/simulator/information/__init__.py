"""The bank's account information: consents of holders, and what may be read under them."""
