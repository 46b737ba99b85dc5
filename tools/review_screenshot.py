"""Take the README's screenshot of the review page; repeat after `make repro`:

    python tools/review_screenshot.py data docs/review.png

Decides on a copy of the data folder. Needs Chromium and the development packages.
"""

import logging
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from noisylab.review.app import create_app
from noisylab.review.store import Store

FILES = ("train_set.pickle", "dev_set.pickle", "corrections.csv", "review.csv")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
KEYS = ("a",) * 4  # a few decisions to show


def main() -> None:
    """Serve the page, make some decisions, and take the picture."""
    data, out = (Path(name).resolve() for name in sys.argv[1:])
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so the page shows data/review.csv
        Path("data").mkdir()
        for name in FILES:
            shutil.copy(data / name, "data")
        with make_server("127.0.0.1", 0, create_app(Store("data")), threaded=True) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            take(browser, f"http://127.0.0.1:{server.port}/", out)
            server.shutdown()


def take(browser: str | None, address: str, out: Path) -> None:
    """Write a picture of the page at `address` to `out`."""
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.set_viewport_size({"width": 960, "height": 400})
        page.goto(address)
        for n_decided, key in enumerate(KEYS):
            expect(page.locator("#count")).to_contain_text(f"{n_decided} of")
            page.keyboard.press(key)
        expect(page.locator("#count")).to_contain_text(f"{len(KEYS)} of")
        page.wait_for_load_state("networkidle")
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out, full_page=True)


if __name__ == "__main__":
    main()
