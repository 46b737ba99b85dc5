"""Small image sets and a browser, shared by all tests."""

import os
import shutil
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from trainings import map_here

from noisylab.core.errors import InputError
from noisylab.core.images import SIZE, ImageSet

# As in a terminal; in the background of a shell, pytest and its children would ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["OMP_NUM_THREADS"] = "1"  # torch's default; tests run in parallel


def make_set(
    n_images: int, seed: int, classes: tuple[str, ...] = ("car", "truck", "cat")
) -> ImageSet:
    """Noise with one brighter channel per class: easy to learn, with true labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images, dtype=np.int64) % len(classes)
    images = rng.integers(0, 120, (n_images, SIZE, SIZE, 3), dtype=np.uint8)
    images[np.arange(n_images), :, :, labels % 3] += 100
    return ImageSet(images, labels, classes, true_labels=labels.copy())


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    """A test leaves every signal's handler as it was.

    With another one for SIGPIPE, a later test that writes to a closed socket would kill pytest.
    """
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    after = {number: signal.getsignal(number) for number in before}
    for number in before.keys() - {signal.SIGALRM}:  # pytest-timeout's
        if after[number] is not before[number]:
            signal.signal(number, before[number])


@pytest.fixture
def train() -> ImageSet:
    return make_set(90, seed=1)


@pytest.fixture
def dev() -> ImageSet:
    return make_set(30, seed=2)


@pytest.fixture
def trainings_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings run in this process, whatever the engine: a worker takes seconds to start."""
    monkeypatch.setattr("noisylab.many.trainer.map_trainings", map_here)


def refused(read: Callable[[], object]) -> tuple[str, float]:
    """Error message of a refused input, and the peak of Python's memory, MB."""
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).isprintable()
    return str(caught.value), peak / 2**20


#: Files and folders whose tests take longest.
LONGEST = ("pipeline/test_pipeline.py", "pipeline", "many", "test_tour.py", "report", "learning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first, since files run in parallel."""

    def rank(item: pytest.Item) -> int:
        name = os.path.relpath(item.path, Path(__file__).parent)
        return next((at for at, part in enumerate(LONGEST) if name.startswith(part)), len(LONGEST))

    items.sort(key=rank)


CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # in the Makefile, too


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, closed after each module: its event loop disturbs other tests."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"the browser tests need one of {', '.join(CHROMIUM)} on PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found)
        yield launched
        launched.close()


@pytest.fixture
def console_errors() -> list[str]:
    """Errors on `browser_page`: from scripts, requests and the security policy."""
    return []


@pytest.fixture
def browser_page(browser: Browser, console_errors: list[str]) -> Iterator[Page]:
    """An empty page in a fresh browser context."""
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
    """A check that returns axe-core's violations on a page: rule, requirement, element."""

    def check(page: Page) -> list[str]:
        violations = Axe().run(page).response["violations"]
        return [
            f"{violation['id']}: {violation['help']}: {node['html']}"
            for violation in violations
            for node in violation["nodes"]
        ]

    return check
