"""Webhook endpoints on the wire."""
