"""Where banks send payers back to: the one part of the public port that is for browsers."""
