"""Data-centric machine learning on a small, imbalanced and partly mislabelled image set."""

import os

# Read by the OpenMP library of torch when it is loaded. Its own default has a thread that waits
# for another spin so long that on a busy machine an epoch can take 20 times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")
