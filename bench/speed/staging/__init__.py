"""What measurements run on: the system, its partners, receivers and processes."""
