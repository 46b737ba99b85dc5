"""Stage `relabel`."""
