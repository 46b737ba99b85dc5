"""Makes the bundled photographs from CIFAR-10."""
