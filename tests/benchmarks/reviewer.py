"""Actions that a perfect reviewer needs in the grid of the review page, in Chromium:

    python tests/benchmarks/reviewer.py DATA [--review OUT] [--all] [--width W] [--height H]

DATA is a data folder after stage relabel, with true labels. The reviewer knows them: on each page,
a click marks each image that the usual choice would get wrong, and a key decides on the page. Stops
when all flagged images are decided, or with --all when all are. The decisions are made on a copy;
OUT receives them. Prints the actions, and for each page how many wrong labels the page expected
among the images left, beside the true number.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from noisylab.review.app import create_app
from noisylab.review.cases import Case
from noisylab.review.store import Store

FILES = ("train_set.pickle", "dev_set.pickle", "corrections.csv")
HEADER = "split,index,image,decision,given,name\n"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--review", type=Path, help="where to write the decisions")
    parser.add_argument("--all", action="store_true", help="also those that are not flagged")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=800)
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            shutil.copy(arguments.data / name, folder)
        store = Store(folder)
        store.review.write_text(HEADER)
        size = {"width": arguments.width, "height": arguments.height}
        with make_server("127.0.0.1", 0, create_app(store), threaded=True) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with sync_playwright() as playwright:
                found = next(filter(None, map(shutil.which, CHROMIUM)), None)
                page = playwright.chromium.launch(executable_path=found).new_page()
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.goto(f"http://127.0.0.1:{server.port}/")
                review(page, store, is_all=arguments.all)
            server.shutdown()
        check(store, is_all=arguments.all)
        if arguments.review:
            shutil.copy(store.review, arguments.review)


def review(page: Page, store: Store, *, is_all: bool) -> None:
    """Decide page by page, and print the actions."""
    cases = [case for case in store.sheet().cases if is_all or case.flagged]
    actions: Counter[str] = Counter()
    while any((case.split, case.index) not in store.decisions() for case in cases):
        report(page, store)
        decide(page, store, actions)
    report(page, store)
    kinds = ", ".join(f"{count} {kind}" for kind, count in actions.items())
    print(f"{len(cases)} images, {actions.total()} actions: {kinds}")


def decide(page: Page, store: Store, actions: Counter[str]) -> None:
    """Mark the exceptions on the page that is shown, and decide on it."""
    before = page.locator("#count").text_content()
    tiles = page.locator("#tiles button")
    by_image = {case.image: case for case in store.sheet().cases}
    sources = page.locator("#tiles img").evaluate_all("all => all.map((image) => image.src)")
    shown = [by_image[Path(source).stem] for source in sources]
    for place, case in enumerate(shown):
        if truth(store, case) != (case.suggested if case.flagged else case.given):
            tiles.nth(place).click()
            actions["clicks"] += 1
    page.keyboard.press("a" if shown[0].flagged else "k")
    actions["keys"] += 1
    page.wait_for_function(
        "before => document.querySelector('#count').textContent != before", arg=before
    )


def truth(store: Store, case: Case) -> str:
    """The name of the true class of an image."""
    image_set = store.sheet().sets[case.split]
    if image_set.true_labels is None:
        sys.exit("The sets have no true labels.")
    label = int(image_set.true_labels[case.index])
    return image_set.classes[label]


def report(page: Page, store: Store) -> None:
    """Print what the page expects of the images left, and the truth."""
    decided = store.decisions()
    left = [case for case in store.sheet().cases if (case.split, case.index) not in decided]
    wrong = sum(truth(store, case) != case.given for case in left)
    print(f"{page.locator('#left').text_content() or 'none left'}; in truth {wrong}")


def check(store: Store, *, is_all: bool) -> None:
    """Compare the decisions with the truth."""
    decided = store.decisions()
    cases = [case for case in store.sheet().cases if is_all or case.flagged]
    # An image of a third class is decided by its own key in the single view.
    mistakes = [case for case in cases if decided[case.split, case.index] != truth(store, case)]
    print(f"{len(decided)} decisions, {len(mistakes)} of them not the true class")


if __name__ == "__main__":
    main()
