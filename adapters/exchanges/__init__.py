"""Exchanges with banks as they are read by whoever is on call, about a payment or a consent alike."""
