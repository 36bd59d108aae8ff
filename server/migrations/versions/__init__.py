"""Alembic migrations, from the first version of the schema on."""
