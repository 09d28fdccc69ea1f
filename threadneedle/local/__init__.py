"""All roles on one machine, with their stores if none are given."""
