"""What goes wrong: each fault strikes once and returns when what it took away is back."""
