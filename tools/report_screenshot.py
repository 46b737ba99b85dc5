"""Update the README's picture of the report after `make repro`:

    python tools/report_screenshot.py report.html docs/report.png

It shows the top of the page; needs Chromium and the development packages.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
#: The smallest width at which the table of contents stands beside the text.
SIZE: ViewportSize = {"width": 1130, "height": 910}


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
