"""The review page as a Flask app: its own files, the cases, and one way to write a decision."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from PIL import Image
from werkzeug.sansio.utils import host_is_trusted

from noisylab.core.errors import InputError
from noisylab.review.cases import digit_keys
from noisylab.review.store import Decision, StaleError, Store

_NAMES = ("127.0.0.1", "localhost")  # of this machine, for itself
_LONGEST = 10_000  # bytes of a request: a decision takes some hundred

#: Nothing but the page's own files, in no frame; no script or style within the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(store: Store) -> Flask:
    """The app that shows and writes what `store` holds. It is to be served on loopback only."""
    app = Flask("noisylab.review")
    app.config["MAX_CONTENT_LENGTH"] = _LONGEST
    app.before_request(_refuse_others)
    app.after_request(_add_headers)
    app.register_error_handler(StaleError, lambda error: _refusal(error, 409))
    app.register_error_handler(InputError, lambda error: _refusal(error, 503))

    @app.get("/")
    def page() -> Response:
        return app.send_static_file("page.html")

    @app.get("/cases")
    def cases() -> ResponseReturnValue:
        sheet = store.sheet()
        return jsonify(
            review=str(store.review),
            classes=sheet.classes,
            keys=digit_keys(sheet.classes, sheet.cases),
            cases=[asdict(case) for case in sheet.cases],
            decisions=_decisions(store),
        )

    @app.get("/images/<image>.png")
    def picture(image: str) -> Response:
        pixels = store.sheet().pixels(image)
        if pixels is None:
            abort(404)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        response = Response(buffer.getvalue(), mimetype="image/png")
        response.cache_control.private = True
        response.cache_control.immutable = True  # its name is the digest of its pixels
        response.cache_control.max_age = 86_400
        return response

    @app.post("/decisions")
    def decide() -> ResponseReturnValue:
        store.decide(_read_decision(request.get_json(silent=True)))
        return jsonify(decisions=_decisions(store))

    return app


def _refuse_others() -> None:
    """Let nothing in but the page itself: no other site, nor one whose name was bent to here."""
    if not host_is_trusted(request.headers.get("Host"), _NAMES):
        abort(403, "This page is to be had as 127.0.0.1 or localhost only.")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        abort(403, "Another site asked for this page; open it by its address.")
    origin = request.headers.get("Origin")
    may_lack = request.method in ("GET", "HEAD")
    if origin != f"http://{request.host}" and not (origin is None and may_lack):
        abort(403, "Another site asked for this page; open it by its address.")


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _refusal(error: Exception, status: int) -> ResponseReturnValue:
    return jsonify(error=str(error)), status


def _decisions(store: Store) -> dict[str, str]:
    """The class decided on, by split and index as the page names them."""
    return {f"{split} {index}": name for (split, index), name in store.decisions().items()}


def _read_decision(content: Any) -> Decision:
    kinds = {
        "split": str,
        "index": int,
        "image": str,
        "given": str,
        "was": str | None,
        "label": str | None,
    }
    if not isinstance(content, dict) or content.keys() != kinds.keys():
        abort(400, f"Expected JSON of {', '.join(kinds)}.")
    for name, kind in kinds.items():
        if not isinstance(content[name], kind) or isinstance(content[name], bool):
            abort(400, f"{name} is of the wrong type.")
    return Decision(**content)
