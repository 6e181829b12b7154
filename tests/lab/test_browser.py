"""The page in Chromium, where Debian's is installed: what a visitor does, room by room."""

import pathlib
import re
import time

import pytest

CHROMIUM = pathlib.Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
SWITCHES += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 240_000  # milliseconds; the machine may be busy

# Controls in sight that have no name for a screen reader.
UNNAMED = """[...document.querySelectorAll('input, textarea, select, button, canvas')]
  .filter((each) => each.getClientRects().length)
  .filter((each) => !(each.getAttribute('aria-label') || each.innerText || each.title
    || [...(each.labels || [])].map((label) => label.innerText).join('').trim()))
  .map((each) => each.outerHTML)"""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium")


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, address):
    """Opens the page at a link; afterwards nothing was asked of elsewhere, and no script failed."""
    asked, faults, context = [], [], chromium.new_context()

    def open_at(query=""):
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address + query)
        page.wait_for_function("window.labFollowed === true")
        return page

    yield open_at
    context.close()
    assert not faults
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def draw_seven(page, pad):
    canvas = page.locator(f"{pad} canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()

    def at(x, y):
        return box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280

    page.mouse.move(*at(70, 60))
    page.mouse.down()
    for x in range(90, 211, 20):
        page.mouse.move(*at(x, 60))
    for step in range(11):
        page.mouse.move(*at(210 - 9 * step, 60 + 17 * step))
    page.mouse.up()


def says(page, where, text):
    page.locator(where).get_by_text(re.compile(text)).first.wait_for()


def selected(page):
    return page.locator("button[role=tab][aria-selected=true]").inner_text()


def test_a_seven_is_drawn_and_read(visit):
    page = visit("?room=attack&epsilon=0.2")
    draw_seven(page, "#attack-pad")
    says(page, "#attack-read-0", "trio-mnist reads 7")
    says(page, "#attack-read-1", "robust-mnist reads 7")
    page.click("#attack-go")
    says(page, "#attack-fooled-0", "trio-mnist falls")
    says(page, "#attack-fooled-1", "robust-mnist stands: still 7")


@pytest.mark.slow
def test_a_link_carries_the_room_and_what_was_set(visit):
    page = visit("?room=attack&epsilon=0.35&norm=linf&attack=FGSM")
    assert page.get_by_label("FGSM").is_checked()
    assert page.locator("input[type=range]").first.input_value() == "0.35"
    page.get_by_role("tab", name="Watch a game").click()
    page.wait_for_url(re.compile("room=watch$"))
    page.get_by_label("grid").check()
    page.wait_for_url(re.compile("data=grid"))
    page.reload()
    page.wait_for_function("window.labFollowed === true")
    assert selected(page) == "Watch a game" and page.get_by_label("grid").is_checked()
    page = visit("?room=attack&epsilon=9&attack=magic")
    page.get_by_text("epsilon=9: must be from 0 to 1").wait_for()
    page.get_by_text("attack=magic: must be one of").wait_for()


@pytest.mark.slow
def test_the_keyboard_draws(visit):
    page = visit("?room=attack")
    page.locator("#attack-pad canvas").focus()
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    says(page, "#attack-read-0", "trio-mnist reads 1")


@pytest.mark.slow
def test_digits_are_made_and_found_from_a_sketch(visit):
    page = visit("?room=draw&class=3&count=10")
    page.click("#draw-go")
    says(page, "#draw-sheet", "10 images, plain, by trio-mnist")
    with page.expect_download() as download:
        page.get_by_text("Save drawn.png").click()
    assert download.value.suggested_filename == "drawn.png"
    draw_seven(page, "#sketch-pad")
    page.click("#sketch-find")
    says(page, "#sketch-found", "the nearest: a 7")
    page.click("#sketch-walk")
    says(page, "#sketch-walked", "a walk from your sketch")


@pytest.mark.slow
def test_a_visitor_judges(visit):
    page = visit("?room=judge&maker=trio-digits&first=trio-digits&second=trio-digits")
    page.click("#judge-deal")
    page.locator("#judge-cards img").nth(9).wait_for()
    for number in "13579":
        page.locator("#judge-marks").get_by_label(number, exact=True).check()
    page.click("#judge-check")
    says(page, "#judge-result", r"You were right about \d+ of 10")


def watched(page, button, text):
    """Presses a button of the game, and Play when it pauses, until its status says this."""
    status, goes_on = page.locator("#watch-status"), re.compile(f"{text}|paused")
    page.click(button)
    for _ in range(10):
        status.get_by_text(goes_on).first.wait_for()
        if re.search(text, status.inner_text()):
            return
        page.click("#watch-play")
        status.get_by_text("paused").wait_for(state="hidden")
    pytest.fail(f"{status.inner_text()}, and not {text}")


@pytest.mark.slow
def test_the_ring_is_learned_stepped_lost_and_found_again(visit):
    page = visit("?room=watch&data=ring")
    watched(page, "#watch-play", "8 of 8 modes caught, .*found them all")
    page.click("#watch-pause")
    page.click("#watch-g")
    says(page, "#watch-status", "one turn of the generator alone")
    watched(page, "#watch-collapse", "[0-2] of 8 modes caught")
    watched(page, "#watch-cure", "8 of 8 modes caught")
    page.click("#watch-pause")


@pytest.mark.slow
def test_a_secret_is_sent(visit):
    page = visit("?room=secret&message=hello+Bob")
    page.click("#secret-send")
    says(page, "#secret-letter", "hello Bob")
    page.click("#secret-flip")
    says(page, "#secret-letter", "1 of 72 bits wrong")
    page.get_by_label("Whose cipher").click()
    page.get_by_role("option", name="crypto-release").click()
    says(page, "#secret-letter", r"\(0 of 72 bits wrong")
    page.locator("#secret-text textarea, #secret-text input").first.fill("")
    page.click("#secret-send")
    page.get_by_text("the message is empty").wait_for()


@pytest.mark.slow
def test_figures_are_shown_a_phone_is_wide_enough_and_controls_have_names(visit):
    page = visit("?room=figures&run=robust-mnist")
    says(page, "#figures-one", "robustness.json")
    for room in ("attack", "draw", "judge", "watch", "secret", "figures"):
        page.close()  # a browser keeps few connections to one server
        page = visit(f"?room={room}")
        page.set_viewport_size({"width": 390, "height": 800})
        time.sleep(1)  # until it is laid out anew
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 400, (room, width)
        assert page.evaluate(UNNAMED) == [], room
