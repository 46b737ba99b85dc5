"""The page in a real browser, as a person uses it."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from noisylab.core.images import ImageSet
from noisylab.review.store import Store

from .conftest import SUGGESTED, WriteData, with_many_classes
from .person import has_decided, is_at, open_page, press

Faults = Callable[[Page], list[str]]


def test_decisions_by_keyboard_survive_a_reload(
    browser_page: Page, console_errors: list[str], address: str, store: Store
) -> None:
    hosts = set()
    browser_page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    open_page(browser_page, address)
    is_at(browser_page, 0)
    expect(browser_page.locator("#given")).to_have_text("car")
    expect(browser_page.locator("#suggested")).to_have_text("cat")
    expect(browser_page.locator("#why")).to_have_text(
        "score 0.900, flagged: becomes cat unless you decide otherwise"
    )
    shown = "getComputedStyle(document.querySelector('#image')).imageRendering"
    assert browser_page.evaluate(shown) == "pixelated"
    browser_page.wait_for_function("document.querySelector('#image').naturalWidth == 32")

    press(browser_page, "a")
    has_decided(store, "cat")
    press(browser_page, "k")
    has_decided(store, "cat", "truck")
    press(browser_page, "2")
    has_decided(store, "cat", "truck", "truck")

    browser_page.reload()
    is_at(browser_page, 3)
    expect(browser_page.locator("#count")).to_have_text("3 of 6 decided")
    press(browser_page, "a", "ArrowLeft")
    has_decided(store, "cat", "truck", "truck", "truck")
    is_at(browser_page, 3)
    browser_page.keyboard.press("u")
    expect(browser_page.locator("#count")).to_have_text("3 of 6 decided")
    has_decided(store, "cat", "truck", "truck")
    assert console_errors == []
    assert hosts == {urlsplit(address).netloc}


def test_undo_reverts_one_decision_at_a_time(
    browser_page: Page, address: str, store: Store
) -> None:
    open_page(browser_page, address)
    press(browser_page, "a", "1", "ArrowLeft", "ArrowLeft", "3")
    has_decided(store, "cat", "car")
    press(browser_page, "u")
    is_at(browser_page, 0)
    has_decided(store, "cat", "car")  # as before the 3
    browser_page.keyboard.press("u")
    expect(browser_page.locator("#count")).to_have_text("1 of 6 decided")
    has_decided(store, None, "car")
    press(browser_page, "Control+z")
    is_at(browser_page, 1)
    has_decided(store)


def test_a_key_held_down_decides_once(browser_page: Page, address: str, store: Store) -> None:
    open_page(browser_page, address)
    for _ in range(4):
        browser_page.keyboard.down("a")  # from the second on as a repeat
    is_at(browser_page, 1)
    has_decided(store, "cat")


def test_shortcuts_can_be_switched_off(browser_page: Page, address: str, store: Store) -> None:
    open_page(browser_page, address)
    browser_page.get_by_label("Single-key shortcuts").uncheck()
    for key in ("a", "k", "1", "ArrowRight"):
        browser_page.keyboard.press(key)
    is_at(browser_page, 0)
    has_decided(store)


def test_every_image_can_be_decided_with_the_pointer(
    browser_page: Page, address: str, store: Store, accessibility_faults: Faults
) -> None:
    open_page(browser_page, address)
    for place in range(len(SUGGESTED)):
        is_at(browser_page, place)
        name = "Accept" if place else "Keep"
        browser_page.get_by_role("button", name=name).click()
    expect(browser_page.locator("#end")).to_be_visible()  # its text is set earlier
    expect(browser_page.locator("#end")).to_have_text("All decided.")
    has_decided(store, "car", *(suggested for _, _, suggested in SUGGESTED[1:]))
    assert accessibility_faults(browser_page) == []
    browser_page.keyboard.press("a")  # on no image
    browser_page.get_by_role("button", name=f"Image {SUGGESTED[2][1]} of dev").click()
    is_at(browser_page, 2)
    browser_page.get_by_role("button", name="Undo").click()
    expect(browser_page.locator("#count")).to_have_text("5 of 6 decided")
    browser_page.get_by_role("group", name="Choose a class").get_by_text("truck").click()
    expect(browser_page.locator("#end")).to_be_visible()
    assert store.decisions()["dev", 0] == "truck"


def test_filters_by_pair_and_split(browser_page: Page, address: str) -> None:
    open_page(browser_page, address)
    browser_page.get_by_label("Split").select_option("dev")
    expect(browser_page.locator("#count")).to_have_text("0 of 2 decided")
    browser_page.get_by_label("Labels").select_option(label="car → cat (3)")
    expect(browser_page.locator("#title")).to_have_text("1 of 2: image 0 of dev")
    browser_page.reload()
    expect(browser_page.locator("#title")).to_have_text("1 of 2: image 0 of dev")
    browser_page.get_by_label("Labels").select_option(label="car → truck (1)")
    expect(browser_page.locator("#end")).to_have_text("No image matches this filter.")
    browser_page.get_by_label("Split").select_option("both")
    is_at(browser_page, 3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_on_a_phone(
    browser_page: Page,
    address: str,
    accessibility_faults: Faults,
    console_errors: list[str],
    scheme: str,
) -> None:
    browser_page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    browser_page.set_viewport_size({"width": 400, "height": 800})
    open_page(browser_page, address)
    press(browser_page, "a", "ArrowLeft")
    assert accessibility_faults(browser_page) == []
    for width in (320, 400):
        browser_page.set_viewport_size({"width": width, "height": 800})
        assert browser_page.evaluate("document.documentElement.scrollWidth") == width
    for button in browser_page.get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44, button.text_content()
    assert console_errors == []


def test_with_many_classes_any_can_be_chosen_by_name(
    browser_page: Page,
    write_data: WriteData,
    sets: dict[str, ImageSet],
    address: str,
    store: Store,
    accessibility_faults: Faults,
) -> None:
    write_data({split: with_many_classes(image_set) for split, image_set in sets.items()})
    open_page(browser_page, address)
    press(browser_page, "0")
    has_decided(store, "more g")
    browser_page.keyboard.press("c")
    browser_page.keyboard.type("more")
    browser_page.keyboard.press("Enter")
    expect(browser_page.get_by_role("alert")).to_contain_text('9 classes start with "more"')
    is_at(browser_page, 1)
    assert accessibility_faults(browser_page) == []
    browser_page.keyboard.type(" I")
    press(browser_page, "Enter", "a")
    has_decided(store, "more g", "more i", "cat")


def test_long_class_names_fit_on_a_phone(
    browser_page: Page, write_data: WriteData, sets: dict[str, ImageSet], address: str
) -> None:
    names = ("car", "x" * 100, "cat")
    write_data(
        {
            split: ImageSet(image_set.images, image_set.labels, names)
            for split, image_set in sets.items()
        }
    )
    browser_page.set_viewport_size({"width": 400, "height": 800})
    open_page(browser_page, address)
    press(browser_page, "ArrowRight")
    expect(browser_page.locator("#given")).to_have_text(names[1])
    assert browser_page.evaluate("document.documentElement.scrollWidth") == 400
