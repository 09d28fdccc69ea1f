"""Reads the bank's answers strictly. What is not exactly as the standard says is Unreadable, and so proves nothing."""
