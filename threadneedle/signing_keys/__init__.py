"""The keys that sign access tokens, from the command line."""
