"""Events in and deliveries out."""
