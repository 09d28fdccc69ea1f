"""A new connection to a receiver: name, checked address, TCP, perhaps a tunnel, TLS. The slow path of sending."""
