"""The stages `train_*`."""
