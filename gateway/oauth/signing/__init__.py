"""The keys that sign access tokens: made in PostgreSQL, rotated by the worker, the same for all processes."""
