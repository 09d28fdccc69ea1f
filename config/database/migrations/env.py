"""Alembic's entry. Alembic writes the script (offline mode); migrate.py runs it, in a transaction of its own."""

from alembic import context

context.configure(dialect_name="postgresql")
context.run_migrations()
