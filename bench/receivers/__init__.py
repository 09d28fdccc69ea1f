"""Merchants' endpoints, well-behaved and not: one process, many lanes, and a log of every POST."""
