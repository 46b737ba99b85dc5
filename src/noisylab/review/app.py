"""The review page as a Flask app: static files, the cases, and one way to write decisions."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_type_hints

from flask import Flask, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from PIL import Image
from werkzeug.sansio.utils import host_is_trusted

from noisylab.core.errors import InputError
from noisylab.review.cases import digit_keys
from noisylab.review.places import Place
from noisylab.review.store import Decision, StaleError, Store

_HOSTS = ("127.0.0.1", "localhost")
_MAX_REQUEST = 2_000_000  # bytes; a decision takes a few hundred, a page has some hundreds

#: Only the page's own files, in no frame; no inline script or style.
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
_DECISION = get_type_hints(Decision)


def create_app(store: Store) -> Flask:
    """The app that shows and writes the contents of `store`. Serve it on loopback only."""
    app = Flask("noisylab.review")
    app.config["MAX_CONTENT_LENGTH"] = _MAX_REQUEST
    app.before_request(_refuse_other_sites)
    app.after_request(_add_headers)
    app.register_error_handler(StaleError, lambda error: (jsonify(error=str(error)), 409))
    app.register_error_handler(InputError, lambda error: (jsonify(error=str(error)), 503))

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
            **_state(store),
        )

    @app.get("/images/<image>.png")
    def picture(image: str) -> Response:
        pixels = store.picture(image)
        if pixels is None:
            abort(404)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        response = Response(buffer.getvalue(), mimetype="image/png")
        response.cache_control.private = True
        response.cache_control.immutable = True  # its name is the digest of the set's pixels
        response.cache_control.max_age = 86_400
        return response

    @app.post("/decisions")
    def decide() -> ResponseReturnValue:
        store.decide(*_read_decisions(request.get_json(silent=True)))
        return jsonify(_state(store))

    return app


def _refuse_other_sites() -> None:
    """Answer only the page itself: no other site, nor a name that points to loopback."""
    if not host_is_trusted(request.headers.get("Host"), _HOSTS):
        abort(403, "Open this page as http://127.0.0.1 or http://localhost.")
    own = f"http://{request.host}"
    is_read = request.method in ("GET", "HEAD")  # browsers may send these without an origin
    is_own_origin = request.headers.get("Origin", own if is_read else None) == own
    site = request.headers.get("Sec-Fetch-Site", "none")
    if not is_own_origin or site not in ("none", "same-origin"):
        abort(403, "This request came from another site. Open the page by its address.")


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _state(store: Store) -> dict[str, Any]:
    """The state of the review as the page reads it."""
    state = store.state()
    return {
        "decisions": _keyed(state.decisions),
        "wrong_probs": _keyed(state.wrong_probs),
        "notices": state.notices,
    }


def _keyed(values: Mapping[Place, Any]) -> dict[str, Any]:
    """Values by split and index as the page writes them: `train 3`."""
    return {f"{split} {index}": value for (split, index), value in values.items()}


def _read_decisions(content: Any) -> list[Decision]:
    if not isinstance(content, list) or not content:
        abort(400, "Expected a JSON list of decisions.")
    return [_read_decision(item) for item in content]


def _read_decision(content: Any) -> Decision:
    if not isinstance(content, dict) or content.keys() != _DECISION.keys():
        abort(400, f"Expected JSON with {', '.join(_DECISION)}.")
    for name, kind in _DECISION.items():
        if not isinstance(content[name], kind) or isinstance(content[name], bool):
            abort(400, f"{name} has the wrong type.")
    return Decision(**content)
