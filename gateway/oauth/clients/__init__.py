"""OAuth clients: what is known of them, how they are registered."""
