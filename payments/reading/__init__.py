"""What partners are shown of their payments. Nothing here changes anything."""
