"""The grid in a real browser, as a person uses it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from noisylab.core import files
from noisylab.core.images import ImageSet
from noisylab.core.tables import CORRECTIONS
from noisylab.data import set_files
from noisylab.review.store import Decision, Store

from .conftest import SUGGESTED

Faults = Callable[[Page], list[str]]
N_CARS = 30  # of train, all flagged as cats: images 0, 3, 6, ... 87


@pytest.fixture
def cars(data: Path, train: ImageSet, dev: ImageSet) -> None:
    """Thirty images of one kind, flagged for certain, and another; with file names."""
    names = tuple(f"photos/train/car/IMG_{index:06}.jpeg" for index in range(len(train)))
    set_files.write_sets(data, {"train": replace(train, names=names), "dev": dev})
    rows = [
        ("train", 3 * place, "car", "cat", 0.99 - place / 1000, "yes", "cat", "rule")
        for place in range(N_CARS)
    ]
    other = ("dev", 1, "truck", "cat", 0.6, "yes", "cat", "rule")
    files.write_csv(data / "corrections.csv", CORRECTIONS, [*rows, other])


def open_grid(page: Page, address: str, width: int = 1280, height: int = 420) -> None:
    """Open the grid in a window that has 3 rows of 11 tiles, or as wide as given."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    expect(tiles(page).first).to_be_visible()


def tiles(page: Page) -> Locator:
    return page.locator("#tiles button")


def is_on(page: Page, place: int, n_pages: int) -> None:
    expect(page.locator("#page-why")).to_contain_text(f"Page {place} of {n_pages}:")


def marked(page: Page) -> list[int]:
    pressed = tiles(page).evaluate_all("tiles => tiles.map((tile) => tile.ariaPressed)")
    return [place for place, value in enumerate(pressed) if value == "true"]


@pytest.mark.usefixtures("cars")
def test_one_key_accepts_a_page_except_for_what_was_clicked_or_toggled(
    browser_page: Page, address: str, store: Store, console_errors: list[str]
) -> None:
    open_grid(browser_page, address, width=700)  # 5 columns
    is_on(browser_page, 1, 3)
    expect(tiles(browser_page)).to_have_count(15)
    shown = "getComputedStyle(document.querySelector('#tiles img')).imageRendering"
    assert browser_page.evaluate(shown) == "pixelated"
    expect(tiles(browser_page).nth(1)).to_contain_text("IMG_00…3.jpeg")
    expect(tiles(browser_page).nth(1)).to_have_attribute(
        "title", "photos/train/car/IMG_000003.jpeg"
    )
    expect(browser_page.locator("#page-accept")).to_have_text("A Accept cat for all 15")

    tiles(browser_page).nth(2).click()
    for key in ("ArrowDown", "ArrowRight", " ", "ArrowUp", " ", " "):
        browser_page.keyboard.press(key)
    assert marked(browser_page) == [2, 8]
    expect(browser_page.locator("#page-accept")).to_have_text("A Accept cat for 13, keep car for 2")
    assert store.decisions() == {}

    browser_page.keyboard.press("a")
    is_on(browser_page, 2, 3)
    expect(browser_page.locator("#count")).to_have_text("15 of 31 decided")
    kept = [2, 8]
    assert store.decisions() == {
        ("train", 3 * place): "car" if place in kept else "cat" for place in range(15)
    }
    browser_page.keyboard.press("PageUp")
    is_on(browser_page, 1, 3)
    assert marked(browser_page) == kept
    expect(tiles(browser_page).nth(0)).to_contain_text("✓ cat")
    assert console_errors == []


@pytest.mark.usefixtures("cars")
def test_one_key_keeps_a_page_except_for_what_was_clicked(
    browser_page: Page, address: str, store: Store
) -> None:
    open_grid(browser_page, address, width=700)
    tiles(browser_page).nth(0).click()
    expect(tiles(browser_page).nth(0)).to_contain_text("exception")
    browser_page.locator("#grid").click(position={"x": 1, "y": 1})  # no tile has the focus
    browser_page.keyboard.press("Enter")
    assert store.decisions() == {}
    browser_page.keyboard.press("k")
    is_on(browser_page, 2, 3)
    decided = {("train", 3 * place): "car" if place else "cat" for place in range(15)}
    assert store.decisions() == decided

    # What most images of a page have become is no exception: the same key changes nothing.
    browser_page.keyboard.press("PageUp")
    is_on(browser_page, 1, 3)
    assert marked(browser_page) == [0]
    expect(tiles(browser_page).nth(0)).to_contain_text("✓ cat")
    expect(tiles(browser_page).nth(1)).to_contain_text("✓ car")
    browser_page.keyboard.press("k")
    is_on(browser_page, 2, 3)
    assert store.decisions() == decided


@pytest.mark.usefixtures("cars")
def test_a_page_is_undone_as_a_whole(browser_page: Page, address: str, store: Store) -> None:
    open_grid(browser_page, address, width=700)
    before = store.review.read_bytes()
    case = store.sheet().cases[4]
    store.decide(Decision(case.split, case.index, case.image, case.given, None, "car"))
    browser_page.reload()
    expect(tiles(browser_page).nth(4)).to_contain_text("✓ car")
    one = store.review.read_bytes()
    tiles(browser_page).nth(4).click()
    browser_page.keyboard.press("a")
    is_on(browser_page, 2, 3)
    assert len(store.decisions()) == 15
    browser_page.keyboard.press("u")
    is_on(browser_page, 1, 3)
    assert store.review.read_bytes() == one  # as before the page was accepted
    browser_page.keyboard.press("u")
    expect(browser_page.locator("#count")).to_have_text("0 of 31 decided")
    assert store.review.read_bytes() == before
    browser_page.keyboard.press("u")
    expect(browser_page.locator("#said")).to_contain_text("Nothing to undo")


@pytest.mark.usefixtures("cars")
def test_a_page_is_written_whole_or_not_at_all(
    browser_page: Page, address: str, store: Store
) -> None:
    open_grid(browser_page, address, width=700)
    case = store.sheet().cases[7]
    store.decide(Decision(case.split, case.index, case.image, case.given, None, "truck"))
    browser_page.keyboard.press("a")
    expect(browser_page.get_by_role("alert")).to_contain_text(
        "image 21 of train has been decided elsewhere in the meantime; nothing was written"
    )
    assert store.decisions() == {("train", 21): "truck"}
    expect(tiles(browser_page).nth(7)).to_contain_text("✓ truck")
    browser_page.keyboard.press("a")  # a third class stays
    is_on(browser_page, 2, 3)
    assert [name for name in store.decisions().values() if name != "cat"] == ["truck"]
    assert len(store.decisions()) == 15


@pytest.mark.usefixtures("cars")
def test_pages_fill_the_window(browser_page: Page, address: str) -> None:
    open_grid(browser_page, address, width=1280, height=800)
    expect(tiles(browser_page)).to_have_count(N_CARS)
    tiles(browser_page).nth(29).click()
    browser_page.set_viewport_size({"width": 400, "height": 500})
    is_on(browser_page, 2, 3)  # the page with the tile that had the focus
    assert marked(browser_page) == [29 - 16]
    browser_page.keyboard.press("PageUp")
    expect(tiles(browser_page)).to_have_count(16)
    bottom = browser_page.locator("#page-accept").bounding_box()
    assert bottom
    assert bottom["y"] + bottom["height"] <= 500  # in view whatever the tiles' height


def test_each_page_has_images_of_one_kind(browser_page: Page, address: str, store: Store) -> None:
    open_grid(browser_page, address)
    kinds = (  # by tier, then by labels
        ("labelled car looks like cat", "flagged, score 0.90", 1),
        ("labelled truck looks like cat", "flagged, score 0.85", 1),
        ("labelled car looks like cat", "flagged, less certain, score 0.60", 1),
        ("labelled car looks like truck", "flagged, less certain, score 0.70", 1),
        ("labelled truck may be cat", "not flagged, score 0.50", 1),
        ("labelled car may be cat", "not flagged, score 0.40", 1),
    )
    for place, (kind, why, count) in enumerate(kinds):
        is_on(browser_page, place + 1, len(kinds))
        expect(browser_page.locator("#grid h2")).to_have_text(kind)
        expect(browser_page.locator("#page-why")).to_contain_text(why)
        expect(tiles(browser_page)).to_have_count(count)
        browser_page.keyboard.press("a" if place < 4 else "k")
    expect(browser_page.locator("#end")).to_have_text("All decided.")
    expect(browser_page.locator("#left")).to_have_text("")
    assert store.decisions() == {
        (split, index): name if place < 4 else ("truck", "car")[place - 4]
        for place, (split, index, name) in enumerate(SUGGESTED)
    }


def test_the_page_says_how_many_wrong_labels_are_left(browser_page: Page, address: str) -> None:
    open_grid(browser_page, address)
    expect(browser_page.locator("#left")).to_have_text("6 left, about 4 labelled wrong")
    browser_page.get_by_label("Split").select_option("dev")
    expect(browser_page.locator("#left")).to_have_text("2 left, about 1 labelled wrong")
    browser_page.reload()
    expect(browser_page.locator("#count")).to_have_text("0 of 2 decided")


def test_the_views_share_the_image_and_the_decisions(
    browser_page: Page, address: str, store: Store
) -> None:
    open_grid(browser_page, address)
    browser_page.keyboard.press("PageDown")
    browser_page.keyboard.press("v")
    expect(browser_page.locator("#title")).to_contain_text("image 1 of train")
    expect(browser_page.locator("#grid")).to_be_hidden()
    browser_page.keyboard.press("1")
    expect(browser_page.locator("#title")).to_contain_text("image 0 of dev")
    browser_page.get_by_role("button", name="Grid").click()
    is_on(browser_page, 3, 6)
    expect(browser_page.locator("#case")).to_be_hidden()
    browser_page.keyboard.press("PageUp")
    tiles(browser_page).first.click()  # a third class: the single view can change it
    expect(browser_page.locator("#state")).to_have_text("Decided: car")
    assert store.decisions() == {("train", 1): "car"}


def test_decisions_without_an_image_are_reported_and_survive(
    browser_page: Page, address: str, store: Store
) -> None:
    absent = f"train,7,{'0' * 32},keep,car,photos/gone.png"
    with store.review.open("a") as file:
        file.write(f"{absent}\n")
    open_grid(browser_page, address)
    expect(browser_page.locator("#notices")).to_contain_text(
        "1 decision about images that are in neither train nor dev: ['photos/gone.png']"
    )
    browser_page.keyboard.press("a")
    is_on(browser_page, 2, 6)
    assert absent in store.review.read_text().splitlines()


@pytest.mark.usefixtures("cars")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_grid_is_accessible_on_a_phone(
    browser_page: Page,
    address: str,
    accessibility_faults: Faults,
    console_errors: list[str],
    scheme: str,
) -> None:
    browser_page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_grid(browser_page, address, width=400, height=800)
    tiles(browser_page).nth(1).click()
    browser_page.keyboard.press("a")
    browser_page.keyboard.press("PageUp")
    tiles(browser_page).nth(2).click()
    assert accessibility_faults(browser_page) == []
    for width in (320, 400, 1280):
        browser_page.set_viewport_size({"width": width, "height": 800})
        assert browser_page.evaluate("document.documentElement.scrollWidth") == width
    assert console_errors == []
