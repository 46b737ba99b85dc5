"""A package, so that the tests can import what their conftest holds."""
