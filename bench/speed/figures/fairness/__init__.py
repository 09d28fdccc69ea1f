"""What the trouble of one does to the others."""
