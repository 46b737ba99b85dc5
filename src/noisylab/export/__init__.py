"""The corrected train and dev, written in the form in which they came."""
