"""Stage `lr_sweep`."""
