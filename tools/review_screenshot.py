"""Take the README's screenshot of the review page's grid; repeat after `make repro`:

    python tools/review_screenshot.py data docs/review.png

Decides on a copy of the data folder, with true labels. Needs Chromium and the development packages.
"""

import logging
import os
import shutil
import sys
import tempfile
import threading
from itertools import count
from pathlib import Path

from playwright.sync_api import Locator, expect, sync_playwright
from werkzeug.serving import make_server

from noisylab.review.app import create_app
from noisylab.review.cases import Case
from noisylab.review.store import Store

FILES = ("train_set.pickle", "dev_set.pickle", "corrections.csv", "review.csv")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Serve the page, accept pages without an exception, and take the picture."""
    data, out = (Path(name).resolve() for name in sys.argv[1:])
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so the page shows data/review.csv
        Path("data").mkdir()
        for name in FILES:
            shutil.copy(data / name, "data")
        store = Store("data")
        exceptions = {case.image for case in store.sheet().cases if is_right(store, case)}
        with make_server("127.0.0.1", 0, create_app(store), threaded=True) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            take(browser, f"http://127.0.0.1:{server.port}/", exceptions, out)
            server.shutdown()


def is_right(store: Store, case: Case) -> bool:
    """Whether the given label of an image is its true one."""
    image_set = store.sheet().sets[case.split]
    true_labels = image_set.true_labels
    return true_labels is not None and bool(image_set.labels[case.index] == true_labels[case.index])


def take(browser: str | None, address: str, exceptions: set[str], out: Path) -> None:
    """Write a picture of the first page with an exception; these, by image digest, are marked."""
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.set_viewport_size({"width": 1100, "height": 680})
        page.goto(address)
        marked = list[Locator]()
        for number in count(1):
            expect(page.locator("#page-why")).to_contain_text(f"Page {number} of")
            for tile in page.locator("#tiles button").all():
                source = tile.locator("img").get_attribute("src") or ""
                if Path(source).stem in exceptions:
                    marked.append(tile)
            if marked:
                break
            page.keyboard.press("a")
        for tile in marked:
            tile.click()
        page.mouse.move(0, 0)
        page.wait_for_load_state("networkidle")
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out)


if __name__ == "__main__":
    main()
