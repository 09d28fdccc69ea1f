"""What is wrong with what a caller says about an endpoint: every field at once, never repeating what was sent."""
