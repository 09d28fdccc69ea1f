"""PostgreSQL and Valkey as this process's own children: for a first look, for tests, never for production."""
