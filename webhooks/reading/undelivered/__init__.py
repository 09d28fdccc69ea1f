"""What did not arrive: every event and endpoint with its reason, listed and counted."""
