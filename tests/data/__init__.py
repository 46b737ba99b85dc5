"""A package, so the tests can import from their conftest."""
