"""Stage `adversarial`."""
