"""Events, where they go, and what became of them."""
