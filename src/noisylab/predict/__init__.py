"""Predictions for anyone's images: files, folders and pickles in, probabilities out."""
