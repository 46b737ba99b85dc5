"""Review doubtful labels on a page in the browser.

Each decision is written to review.csv at once. The page is served to this
machine only, until Ctrl-C.
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
from collections.abc import Sequence
from pathlib import Path

from werkzeug.serving import make_server

from noisylab.config.params import read_params
from noisylab.core.errors import InputError
from noisylab.review.app import create_app
from noisylab.review.store import Store

_HOST = "127.0.0.1"
_PORT = 8765


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page, and open it in a browser if there is one."""
    parser = argparse.ArgumentParser(
        prog="noisylab review",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        default=Path("data"),
        metavar="DATA",
        help="folder with the sets, corrections.csv and review.csv; default: data",
    )
    parser.add_argument("--port", type=int, help=f"default {_PORT}, or any if that is taken")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_args(arguments)
    store = Store(options.data, _source())
    try:
        cases, decisions = store.sheet().cases, store.decisions()
        listener = _listen(options.port)
    except InputError as error:
        sys.exit(str(error))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    server = make_server(_HOST, 0, create_app(store), threaded=True, fd=listener.fileno())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        address = f"http://{_HOST}:{server.port}/"
        n_decided = sum((case.split, case.index) in decisions for case in cases)
        print(
            f"{n_decided} of {len(cases)} labels decided; continue at {address} (Ctrl-C to stop)",
            flush=True,
        )
        if not options.no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server.serve_forever()
    except KeyboardInterrupt:
        pass  # the server may already have taken it as its own end
    # On a terminal, ^C stands at the start of this line.
    print(f"{os.linesep * sys.stdout.isatty()}Stopped; {_result(store)}")


def _source() -> Path | None:
    """The folder of photographs, if params.yaml is here."""
    try:
        return Path(read_params("params.yaml").prepare.source)
    except InputError:
        return None


def _listen(port: int | None) -> socket.socket:
    """A socket at `port`; if None, at the default port, or at any free port if that is taken."""
    try:
        return socket.create_server((_HOST, _PORT if port is None else port))
    except (OSError, OverflowError) as error:
        code = error.errno if isinstance(error, OSError) else None
        if port is None and code == errno.EADDRINUSE:
            return socket.create_server((_HOST, 0))
        reason = os.strerror(code) if code else "expected 0 to 65535"
        raise InputError(
            f"--port {port}: {reason}; choose another, or 0 for any free port"
        ) from error


def _has_screen() -> bool:
    """Whether a browser would open a window; a text browser would take over the terminal."""
    screens = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, screens))


def _result(store: Store) -> str:
    try:
        n_decided = len(store.decisions())
    except InputError as error:
        return str(error)
    return f"decisions in {store.review}: {n_decided}; run make repro to apply them and retrain"


if __name__ == "__main__":
    main()
