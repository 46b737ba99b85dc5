"""Take the picture of the report for the README, after `make repro`:

    python tools/report_screenshot.py report.html docs/report.png

The picture shows the top of the page. Needs Chromium and the development packages.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SIZE: ViewportSize = {"width": 1130, "height": 910}  # wide enough for the contents beside the text


def main() -> None:
    """Open the page and take the picture."""
    report, out = (Path(name).resolve() for name in sys.argv[1:])
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.set_viewport_size(SIZE)
        page.goto(report.as_uri())
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out)


if __name__ == "__main__":
    main()
