"""Small sets and a browser that every test may use."""

import os
import shutil
import signal
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from noisylab.core.errors import InputError
from noisylab.core.images import SIZE, ImageSet

# As in a terminal: what a shell starts in the background ignores Ctrl-C, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["OMP_NUM_THREADS"] = "1"  # of torch, where nothing else is said: tests run side by side


def make_set(
    n_images: int, seed: int, classes: tuple[str, ...] = ("car", "truck", "cat")
) -> ImageSet:
    """Noise with one channel brighter for each class: easy to learn, and labels are true."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images, dtype=np.int64) % len(classes)
    images = rng.integers(0, 120, (n_images, SIZE, SIZE, 3), dtype=np.uint8)
    images[np.arange(n_images), :, :, labels % 3] += 100
    return ImageSet(images, labels, classes, true_labels=labels.copy())


@pytest.fixture
def train() -> ImageSet:
    return make_set(90, seed=1)


@pytest.fixture
def dev() -> ImageSet:
    return make_set(30, seed=2)


def refused(read: Callable[[], object]) -> tuple[str, float]:
    """The line that refuses an input, and the MB that Python took to say it."""
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).isprintable()
    return str(caught.value), peak / 2**20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the pipeline's tests first: they take longest, and tests run side by side."""
    items.sort(key=lambda item: "pipeline" not in item.path.parts)


CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # as the Makefile looks for them


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium: only for a module, since its event loop is in the way of others."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"the browser tests need one of {', '.join(CHROMIUM)} on PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found)
        yield launched
        launched.close()


@pytest.fixture
def console_errors() -> list[str]:
    """What `browser_page` reported as errors: of scripts, of requests, of the security policy."""
    return []


@pytest.fixture
def browser_page(browser: Browser, console_errors: list[str]) -> Iterator[Page]:
    """An empty page, with nothing left of other tests."""
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on(
        "console",
        lambda message: console_errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()


@pytest.fixture
def accessibility_faults() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page: rule, what it asks for, and where."""

    def check(page: Page) -> list[str]:
        violations = Axe().run(page).response["violations"]
        return [
            f"{violation['id']}: {violation['help']}: {node['html']}"
            for violation in violations
            for node in violation["nodes"]
        ]

    return check
