"""Trying an endpoint out: test events, and the proof that its receiver expects the events."""
