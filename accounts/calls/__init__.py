"""Calls at banks that bring a consent further, and who makes them."""
