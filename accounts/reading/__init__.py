"""Reads at banks under a consent that is in force."""
