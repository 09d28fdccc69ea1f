"""How a client proves who it is (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2). `authenticator` is the one door."""
