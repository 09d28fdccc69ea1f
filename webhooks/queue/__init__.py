"""Lanes: one queue per endpoint, so that a slow or dead merchant never delays another."""
