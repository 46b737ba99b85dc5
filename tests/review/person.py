"""A person's actions on the page, and checks of their effect."""

import re

from playwright.sync_api import Page, expect

from noisylab.review.store import Store

from .conftest import SUGGESTED


def open_page(page: Page, address: str) -> None:
    """Open the single view."""
    page.goto(f"{address}#view=single")
    expect(page.locator("#count")).to_have_text(re.compile("[0-9]+ of [1-9]"))


def is_at(page: Page, place: int) -> None:
    """Check that the page shows the image at `place` in the table."""
    split, index, _ = SUGGESTED[place]
    expect(page.locator("#title")).to_contain_text(f"image {index} of {split}")


def press(page: Page, *keys: str) -> None:
    """Press keys, each once the page shows the effect of the one before."""
    for key in keys:
        before = page.locator("#title").text_content()
        page.keyboard.press(key)
        expect(page.locator("#title")).not_to_have_text(before or "")


def has_decided(store: Store, *labels: str | None) -> None:
    """Check that the file holds exactly these decisions, by place in the table."""
    places = [(split, index) for split, index, _ in SUGGESTED]
    wanted = {place: label for place, label in zip(places, labels, strict=False) if label}
    assert store.decisions() == wanted
