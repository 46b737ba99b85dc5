"""params.yaml as frozen dataclasses, checked."""
