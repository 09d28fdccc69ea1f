"""What an admin on call needs to know of the queue."""
