"""Expressions over an event's body with which an endpoint says what it wants to hear."""
