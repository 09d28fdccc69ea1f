"""Access tokens: the keys that sign them, the endpoint that issues them, the verifier that accepts them."""
