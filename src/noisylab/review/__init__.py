"""The review page: a person decides about doubtful labels in the browser."""
