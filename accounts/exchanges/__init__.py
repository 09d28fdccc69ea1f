"""What was asked of banks about consents and what they said, kept for whoever has to find out why one failed."""
