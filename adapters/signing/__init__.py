"""How requests to banks are signed and their answers verified: one module per profile, named by declarations."""
