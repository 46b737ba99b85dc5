"""The page in a real browser while others change its files, or try to."""

from pathlib import Path

from playwright.sync_api import Page, expect

from noisylab.core.images import ImageSet
from noisylab.data import set_files
from noisylab.review.store import Decision, Store

from .conftest import with_other_images
from .person import has_decided, is_at, open_page, press


def test_returning_to_the_page_shows_decisions_made_elsewhere(
    browser_page: Page, address: str, store: Store
) -> None:
    open_page(browser_page, address)
    case = store.sheet().cases[1]
    store.decide(Decision(case.split, case.index, case.image, case.given, None, "car"))
    browser_page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(browser_page.locator("#count")).to_have_text("1 of 6 decided")
    browser_page.keyboard.press("a")
    is_at(browser_page, 2)
    has_decided(store, "cat", "car")


def test_a_decision_on_a_changed_image_is_refused_and_the_new_image_shown(
    browser_page: Page, address: str, data: Path, store: Store, sets: dict[str, ImageSet]
) -> None:
    open_page(browser_page, address)
    before = browser_page.locator("#image").get_attribute("src")
    set_files.write_sets(data, {"train": with_other_images(sets["train"])})
    browser_page.keyboard.press("a")
    expect(browser_page.get_by_role("alert")).to_contain_text(
        "image 3 of train is no longer the one shown here, since the sets were rebuilt"
    )
    has_decided(store)
    expect(browser_page.locator("#image")).not_to_have_attribute("src", before or "")
    press(browser_page, "a")
    expect(browser_page.get_by_role("alert")).to_be_empty()
    has_decided(store, "cat")


def test_the_page_reports_a_stopped_server_and_works_once_it_is_back(
    browser_page: Page, address: str, store: Store
) -> None:
    open_page(browser_page, address)
    browser_page.route("**/*", lambda route: route.abort())
    browser_page.wait_for_function("fetch('/cases').then(() => false, () => true)")
    browser_page.keyboard.press("a")
    expect(browser_page.get_by_role("alert")).to_contain_text("server has stopped. Run make review")
    is_at(browser_page, 0)
    has_decided(store)
    browser_page.unroute("**/*")
    press(browser_page, "a")
    expect(browser_page.get_by_role("alert")).to_be_empty()
    has_decided(store, "cat")


def test_the_page_names_a_missing_file(browser_page: Page, address: str, data: Path) -> None:
    (data / "corrections.csv").unlink()
    browser_page.goto(address)
    expect(browser_page.get_by_role("alert")).to_contain_text(
        "does not exist yet; run make repro first"
    )


def test_decisions_that_an_editor_overwrote_can_be_restored(
    browser_page: Page, address: str, store: Store
) -> None:
    old = store.review.read_bytes()
    open_page(browser_page, address)
    press(browser_page, "a", "k")
    store.review.write_bytes(old)
    press(browser_page, "a")
    has_decided(store, None, None, "cat")
    expect(browser_page.get_by_role("alert")).to_contain_text(
        "2 of the decisions made here are missing"
    )
    browser_page.get_by_role("button", name="Restore").click()
    expect(browser_page.locator("#count")).to_have_text("3 of 6 decided")
    has_decided(store, "cat", "truck", "cat")
    expect(browser_page.get_by_role("alert")).to_be_empty()


def test_a_decision_is_not_restored_to_another_image_at_its_place(
    browser_page: Page, address: str, data: Path, store: Store, sets: dict[str, ImageSet]
) -> None:
    open_page(browser_page, address)
    press(browser_page, "a")
    set_files.write_sets(data, {"train": with_other_images(sets["train"])})
    browser_page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(browser_page.locator("#count")).to_have_text("0 of 6 decided")
    expect(browser_page.get_by_role("alert")).to_be_empty()
    has_decided(store)


def test_decisions_that_someone_removed_stay_removed(
    browser_page: Page, address: str, store: Store
) -> None:
    old = store.review.read_bytes()
    open_page(browser_page, address)
    press(browser_page, "a")
    store.review.write_bytes(old)
    press(browser_page, "k")
    browser_page.get_by_role("button", name="Discard").click()
    press(browser_page, "a")
    expect(browser_page.get_by_role("alert")).to_be_empty()
    has_decided(store, None, "truck", "cat")


def test_two_open_pages_notice_each_others_decisions(
    browser_page: Page, address: str, store: Store
) -> None:
    open_page(browser_page, address)
    other = browser_page.context.new_page()
    open_page(other, address)
    press(other, "k")
    browser_page.keyboard.press("a")
    expect(browser_page.get_by_role("alert")).to_contain_text(
        "has been decided elsewhere in the meantime"
    )
    expect(browser_page.locator("#state")).to_have_text("Decided: keep car")
    has_decided(store, "car")


def test_another_site_can_neither_read_nor_write(
    browser_page: Page, address: str, store: Store
) -> None:
    case = store.sheet().cases[0]
    names = ("split", "index", "image", "given")
    content = {name: getattr(case, name) for name in names} | {"was": None, "label": "cat"}
    browser_page.route(
        "http://other.example/", lambda route: route.fulfill(body="<p>", content_type="text/html")
    )
    browser_page.goto("http://other.example/")
    outcome = browser_page.evaluate(
        """async ([address, image, body]) => {
            const send = (mode, headers) => fetch(address + "decisions", {
                method: "POST", mode, headers, body
            }).then((answer) => answer.type, () => "refused");
            const picture = new Image();
            const loaded = new Promise((resolve) => {
                picture.onload = () => resolve("loaded");
                picture.onerror = () => resolve("refused");
            });
            picture.src = `${address}images/${image}.png`;
            await send("no-cors", {});
            const json = await send("cors", { "Content-Type": "application/json" });
            return [json, await loaded];
        }""",
        [address, case.image, str(content)],
    )
    assert outcome == ["refused", "refused"]
    has_decided(store)
