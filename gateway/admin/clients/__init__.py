"""OAuth clients as admins register, limit and steer them."""
