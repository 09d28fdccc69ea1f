"""OAuth clients on the command line."""
