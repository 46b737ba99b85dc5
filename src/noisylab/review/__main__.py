"""Decide about labels by eye, on a page in the browser:

    python -m noisylab.review DATA

DATA is the folder of the sets, of corrections.csv and of review.csv, where each decision is put at
once. The page is served to this machine only, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from werkzeug.serving import make_server

from noisylab.core.errors import InputError
from noisylab.review.app import create_app
from noisylab.review.store import Store

_HOST = "127.0.0.1"
_PORT = 8765


def main() -> None:
    """Serve the page, and show it if there is a browser."""
    parser = argparse.ArgumentParser(
        prog="python -m noisylab.review",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="the data folder")
    parser.add_argument("--port", type=int, help=f"{_PORT}, or any if that is taken")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    arguments = parser.parse_args()
    store = Store(arguments.data)
    try:
        cases, decisions = store.sheet().cases, store.decisions()
        listener = _listen(arguments.port)
    except InputError as error:
        sys.exit(str(error))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    server = make_server(_HOST, 0, create_app(store), threaded=True, fd=listener.fileno())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        address = f"http://{_HOST}:{server.port}/"
        n_decided = sum((case.split, case.index) in decisions for case in cases)
        print(f"{n_decided} of {len(cases)} labels decided; go on at {address} (Ctrl-C ends)")
        sys.stdout.flush()
        if not arguments.no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server.serve_forever()
    except KeyboardInterrupt:
        pass  # which the server itself takes for its end, too
    # On a terminal ^C stands in this line.
    print(f"{os.linesep * sys.stdout.isatty()}Ended; {_result(store)}")


def _listen(port: int | None) -> socket.socket:
    """A socket at that port; where none is asked for at the usual one, or at any that is free."""
    try:
        return socket.create_server((_HOST, _PORT if port is None else port))
    except (OSError, OverflowError) as error:
        if port is None and isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return socket.create_server((_HOST, 0))
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise InputError(f"--port {port}: {reason}; give another, or 0 for any") from error


def _has_screen() -> bool:
    """Whether a browser opens a window: without one, one of text would take over the terminal."""
    screens = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, screens))


def _result(store: Store) -> str:
    try:
        n_decided = len(store.decisions())
    except InputError as error:
        return str(error)
    return f"labels decided in {store.review}: {n_decided}; dvc repro applies them and retrains"


if __name__ == "__main__":
    main()
