"""The page in a browser: as wide as a phone, a tablet and a screen, in light and in dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from made_run import make_run
from playwright.sync_api import Page

LAB = {"train": (4949, 449, 227), "dev": (551, 51, 23)}
LONG = ("W" * 100, "\u05d7" * 100, "a b " * 20 + "<i>&")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The bundled counts with the lab report beside them, names that are hard, many classes."""
    many = dict.fromkeys(("train", "dev", "test"), [40] + [10] * 29)
    runs = {
        "bundled": make_run(
            tmp_path_factory.mktemp("bundled"),
            scale=1,
            **LAB,  # type: ignore[arg-type]
        ),
        "hard": make_run(tmp_path_factory.mktemp("hard"), LONG, scale=1),
        "many": make_run(
            tmp_path_factory.mktemp("many"),
            tuple(f"kind {at}" for at in range(30)),
            scale=1,
            **many,  # type: ignore[arg-type]
        ),
    }
    for run in runs.values():
        (run.folder / "report.html").write_text(run.html(params_text=f"source: {'x' * 300}\n"))
    return {name: run.folder / "report.html" for name, run in runs.items()}


def overflow(page: Page) -> int:
    """Pixels that the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("bundled", "light"), ("bundled", "dark"), ("hard", "light"), ("many", "dark")],
)
def test_it_fits_and_is_accessible(
    browser_page: Page,
    console_errors: list[str],
    accessibility_faults: Callable[[Page], list[str]],
    pages: dict[str, Path],
    name: str,
    scheme: Literal["light", "dark"],
) -> None:
    requested: list[str] = []
    browser_page.on("request", lambda request: requested.append(request.url))
    browser_page.emulate_media(color_scheme=scheme)
    address = pages[name].as_uri()
    browser_page.goto(address)
    browser_page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    for width in (400, 800, 1400):
        browser_page.set_viewport_size({"width": width, "height": 900})
        assert overflow(browser_page) == 0
    assert accessibility_faults(browser_page) == []
    assert [url for url in requested if not url.startswith("data:")] == [address]
    assert console_errors == []
    loaded = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert browser_page.evaluate(loaded)


def test_it_prints_without_what_is_for_the_screen(
    browser_page: Page, pages: dict[str, Path]
) -> None:
    browser_page.goto(pages["bundled"].as_uri())
    browser_page.emulate_media(media="print", color_scheme="dark")
    browser_page.set_viewport_size({"width": 700, "height": 900})
    assert not browser_page.locator("nav").is_visible()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert browser_page.evaluate(paper) == "rgb(255, 255, 255)"
    assert overflow(browser_page) == 0
