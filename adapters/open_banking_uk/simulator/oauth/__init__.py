"""The bank's authorisation server: client assertions, request objects, codes and tokens."""
