import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from noisylab.core.images import ImageSet
from noisylab.data import set_files
from noisylab.review.store import Store

from .conftest import SUGGESTED, with_other_images

OWN = {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def get_cases(client: FlaskClient) -> Any:
    response = client.get("/cases", headers=OWN)
    assert response.status_code == 200
    return response.json


def decide(client: FlaskClient, case: Any, to: str | None, **changes: Any) -> TestResponse:
    content = {name: case[name] for name in ("split", "index", "image", "given")}
    content |= {"was": None, "label": to} | changes
    return client.post("/decisions", json=[content], headers=OWN)


def test_the_page_gets_the_cases_and_the_decisions(client: FlaskClient, store: Store) -> None:
    sheet = get_cases(client)
    assert [(case["split"], case["index"], case["suggested"]) for case in sheet["cases"]] == (
        SUGGESTED
    )
    assert sheet["classes"] == ["car", "truck", "cat"]
    assert sheet["keys"] == {"1": "car", "2": "truck", "3": "cat"}
    assert sheet["review"] == str(store.review)
    assert sheet["decisions"] == {}
    response = decide(client, sheet["cases"][0], "cat")
    assert response.json
    assert response.json["decisions"] == {"train 3": "cat"}
    assert get_cases(client)["decisions"] == {"train 3": "cat"}


def test_undo_removes_the_line(client: FlaskClient, store: Store) -> None:
    before = store.review.read_bytes()
    case = get_cases(client)["cases"][0]
    assert decide(client, case, "car").status_code == 200
    assert decide(client, case, None, was="car").status_code == 200
    assert store.review.read_bytes() == before


def test_images_are_those_of_the_cases(client: FlaskClient, sets: dict[str, ImageSet]) -> None:
    for case in get_cases(client)["cases"]:
        response = client.get(f"/images/{case['image']}.png", headers=OWN)
        assert response.mimetype == "image/png"
        assert "immutable" in response.headers["Cache-Control"]
        pixels = np.asarray(Image.open(io.BytesIO(response.data)))
        np.testing.assert_array_equal(pixels, sets[case["split"]].images[case["index"]])
    assert client.get(f"/images/{'0' * 32}.png", headers=OWN).status_code == 404


FOREIGN = [
    {"Host": "evil.example:8765"},
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example:8765"},
    {"Host": "localhost.evil.example:8765"},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": "192.168.0.2:8765"},
    {"Host": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "https://127.0.0.1:8765"},
    {"Origin": "http://localhost:8765"},
    {"Origin": "null"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "anything"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_requests_from_other_sites_are_refused(
    client: FlaskClient, store: Store, headers: dict[str, str]
) -> None:
    before = store.review.read_bytes()
    case = get_cases(client)["cases"][0]
    for path in ("/", "/cases", f"/images/{case['image']}.png", "/static/page.js", "/nothing"):
        assert client.get(path, headers=OWN | headers).status_code == 403, path
    content = {name: case[name] for name in ("split", "index", "image", "given")}
    content |= {"was": None, "label": "cat"}
    response = client.post("/decisions", json=[content], headers=OWN | headers)
    assert response.status_code == 403
    assert store.review.read_bytes() == before
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_form_or_a_script_without_an_origin_is_refused(client: FlaskClient) -> None:
    host = {"Host": OWN["Host"]}
    assert client.post("/decisions", json={}, headers=host).status_code == 403
    assert client.options("/decisions", headers=host).status_code == 403
    plain = client.post(
        "/decisions", data='{"split":"train"}', content_type="text/plain", headers=OWN
    )
    assert plain.status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "localhost:9000"])
def test_the_page_is_served_under_the_names_of_loopback(client: FlaskClient, host: str) -> None:
    for extra in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}):
        response = client.get("/", headers={"Host": host, **extra})
        assert response.status_code == 200
        assert b"Review labels" in response.data


@pytest.mark.parametrize("path", ["/", "/cases", "/static/page.css", "/nothing"])
def test_every_response_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, headers=OWN).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fstore.py",
        "/review.csv",
        "/static/",
    ],
)
def test_only_static_files_are_served(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=OWN).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"index": "3"},
        {"index": True},
        {"index": 3.0},
        {"label": 2},
        {"was": []},
        {"split": None},
        {"more": 1},
    ],
)
def test_a_decision_with_a_wrong_type_or_key_is_refused(
    client: FlaskClient, store: Store, changes: dict[str, Any]
) -> None:
    before = store.review.read_bytes()
    assert decide(client, get_cases(client)["cases"][0], "cat", **changes).status_code == 400
    assert store.review.read_bytes() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'[{"split": "train"}]']
)
def test_a_body_that_is_no_decision_is_refused(client: FlaskClient, body: bytes) -> None:
    kind = "application/json"
    assert client.post("/decisions", data=body, content_type=kind, headers=OWN).status_code == 400


def test_a_huge_request_is_refused(client: FlaskClient) -> None:
    response = decide(client, get_cases(client)["cases"][0], "cat", given="x" * 3_000_000)
    assert response.status_code == 413


def test_a_stale_decision_is_refused_with_the_reason(
    client: FlaskClient, data: Path, sets: dict[str, ImageSet]
) -> None:
    case = get_cases(client)["cases"][0]
    set_files.write_sets(data, {"train": with_other_images(sets["train"])})
    response = decide(client, case, "cat")
    assert response.status_code == 409
    assert response.json == {
        "error": "image 3 of train is no longer the one shown here, since the sets were rebuilt; "
        "nothing was written"
    }


def test_a_broken_or_missing_file_is_named(client: FlaskClient, data: Path) -> None:
    case = get_cases(client)["cases"][0]
    (data / "review.csv").write_text("split,index\n")
    for response in (client.get("/cases", headers=OWN), decide(client, case, "cat")):
        assert response.status_code == 503
        assert response.json
        assert response.json["error"].startswith(
            f"{data / 'review.csv'}: expected a column 'image'"
        )
    (data / "corrections.csv").unlink()
    response = client.get("/cases", headers=OWN)
    assert response.json == {
        "error": f"{data / 'corrections.csv'}: does not exist yet; run make repro first"
    }
