"""The command `noisylab`: what a person does before and after `dvc repro`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

#: Module with a function `main(arguments)`, and one line of help, by command.
COMMANDS = {
    "review": ("noisylab.review.__main__", "check doubtful labels by eye, on a page in a browser"),
    "export": ("noisylab.export.__main__", "write train and dev with corrected labels"),
    "predict": ("noisylab.predict.__main__", "classify images with a trained model"),
    "repair": ("noisylab.repair", "remove what a killed DVC left damaged"),
    "bundle": ("noisylab.data.bundling.__main__", "make the bundled photographs from CIFAR-10"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; only that command is imported."""
    listed = "\n".join(f"  {name:9}{text}" for name, (_, text) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="noisylab",
        usage="noisylab COMMAND [--help] ...",
        description=f"Commands, to be run in the folder of params.yaml:\n\n{listed}",
        epilog="To train, run make repro or dvc repro.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        import_module(COMMANDS[chosen.command][0]).main(chosen.arguments)
    except KeyboardInterrupt:
        sys.exit("stopped")


if __name__ == "__main__":
    main()
