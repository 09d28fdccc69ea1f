"""What was said with banks, on the admin port."""
