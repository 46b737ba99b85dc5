"""Stage `stats`."""
