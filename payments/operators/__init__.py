"""What people may do when no machine can learn more: two of them, in writing."""
