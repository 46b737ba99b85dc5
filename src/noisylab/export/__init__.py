"""Train and dev with corrected labels, written in the format of the source."""
