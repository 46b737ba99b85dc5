"""Data-centric machine learning on a small, imbalanced and partly mislabelled image set.

The names in __all__ are the public functions and classes: see docs/api.md. Each is imported when it
is first used (PEP 562), so that `import noisylab` takes no time.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Read by the OpenMP library of torch when it is loaded. Its own default has a thread that waits
# for another spin so long that on a busy machine an epoch can take 20 times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")

_MODULES = {
    "ImageSet": "core.images",
    "attack": "api.attacks",
    "evaluate": "api.models",
    "find_confused": "api.label_errors",
    "find_suspect": "api.label_errors",
    "fit": "api.models",
    "predict_probs": "api.models",
    "read_model": "api.models",
    "read_source": "data.sources",
    "smallest_change": "api.attacks",
}

if TYPE_CHECKING:
    from noisylab.api.attacks import attack, smallest_change
    from noisylab.api.label_errors import find_confused, find_suspect
    from noisylab.api.models import evaluate, fit, predict_probs, read_model
    from noisylab.core.images import ImageSet
    from noisylab.data.sources import read_source
else:

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *_MODULES})


__all__ = [
    "ImageSet",
    "attack",
    "evaluate",
    "find_confused",
    "find_suspect",
    "fit",
    "predict_probs",
    "read_model",
    "read_source",
    "smallest_change",
]
