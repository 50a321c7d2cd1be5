"""``chainrule studio`` in a browser: what learners requested, and the ten lessons, with no other host."""

from __future__ import annotations

import json
import math
import os
import re
import runpy
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

import chainrule as cr
from axe import violations
from browser_visit import Visit, chromium, needs_chromium
from english_words import english_sentences
from server_process import TOKEN, ServerProcess, running_server

pytestmark = needs_chromium
CHANGED = re.compile("/api/options")  # the response to a change
VIEWS = ("data", "network", "training", "chain", "predict", "files")
ROWS = "height,weight,species\n" + "".join(
    f"{i % 7 + 0.5 * (i % 3)},{i % 5 - (i % 3)},{'ABC'[i % 3]}\n" for i in range(90)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of the studio."""
    place = tmp_path_factory.mktemp("studio")
    (place / "token").write_text(TOKEN)
    return place


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[ServerProcess]:
    words = ["circle", "--no-browser", "--token-file", folder / "token"]
    with running_server(*words, command="studio", folder=folder) as running:
        yield running


@pytest.fixture(scope="module")
def visit(studio: ServerProcess) -> Iterator[Visit]:
    with chromium() as browser:
        yield Visit(browser, studio)


def choose(visit: Visit, name: str) -> None:
    """Open a set by its button."""
    visit.open("data")
    with visit.page.expect_response(re.compile("/api/open"), timeout=60_000):  # also of the set that is open
        visit.page.locator(".source", has_text=name).click()
    visit.page.locator(f'.source[aria-pressed="true"]:has-text("{name}")').wait_for(timeout=60_000)


def set_net(visit: Visit, net: str) -> None:
    """Set the layers as a text."""
    visit.open("network")
    visit.page.locator("input.mono").fill(net)
    with visit.page.expect_response(CHANGED, timeout=60_000):
        visit.page.keyboard.press("Tab")


def train_a_step(visit: Visit) -> None:
    visit.open("training")
    visit.click("One step")
    visit.wait_for(".reading", "paused")


def test_a_step_is_trained_and_its_weight_derived(visit: Visit) -> None:
    train_a_step(visit)
    visit.open("chain")
    visit.page.wait_for_selector(".wire-group")
    visit.page.locator(".wire-group").first.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".inspector math")
    assert visit.page.locator(".inspector .result").count() > 3
    assert "dense1.weight[0,0]" in visit.text(".inspector")


@pytest.mark.long
def test_the_slider_of_an_attack_changes_its_size(visit: Visit) -> None:
    choose(visit, "moons")
    visit.open("training")
    visit.click("Train")
    visit.wait_for(".reading", "complete")
    visit.open("predict")
    attack = visit.page.locator("section[aria-live]", has=visit.page.get_by_role("heading", name="Attack"))
    for size, result in (("0", "No attack of this size succeeds"), ("3", "The attack succeeds")):
        attack.locator("input[type=range]").fill(size)
        attack.get_by_text(result).wait_for(timeout=20_000)
        assert attack.locator("strong.numbers").inner_text() == f"{size}.00"


ROOT_CHANGES = """
milliseconds => new Promise((done) => {
  let count = 0;
  const observer = new MutationObserver((changes) => { count += changes.length; });
  observer.observe(document.documentElement, { attributes: true });
  observer.observe(document.head, { childList: true, subtree: true, characterData: true });
  setTimeout(() => { observer.disconnect(); done(count); }, milliseconds);
})
"""


@pytest.mark.long
def test_a_training_changes_nothing_that_lays_out_the_whole_page_again(visit: Visit) -> None:
    visit.open("network")
    epochs = visit.page.get_by_label("epochs", exact=False).first
    before = epochs.input_value()
    epochs.fill("100000")  # the training must not be over before it is paused
    with visit.page.expect_response(CHANGED, timeout=60_000):
        visit.page.keyboard.press("Tab")
    visit.open("training")
    visit.click("Train")
    visit.wait_for(".reading", "running")
    assert visit.page.evaluate(ROOT_CHANGES, 600) == 0  # some frames of the training
    visit.click("Pause")
    visit.wait_for(".reading", "paused")
    visit.open("network")
    epochs.fill(before)
    with visit.page.expect_response(CHANGED, timeout=60_000):
        visit.page.keyboard.press("Tab")


def test_request_for_own_data(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "my plants.csv").write_text(ROWS)
    visit.open("data")
    visit.page.set_input_files("input[type=file]", tmp_path / "my plants.csv")
    visit.wait_for("main", "my-plants")
    assert "one of 3 classes" in visit.text()


def test_a_file_with_the_name_of_a_set_comes_first_and_is_marked(visit: Visit, folder: Path) -> None:
    (folder / "wine").write_text(ROWS)
    choose(visit, "circle")  # the next project lists the file
    button = visit.page.locator(".source", has_text="wine")
    assert button.inner_text().split() == ["wine", "your", "file"]
    choose(visit, "wine")
    visit.wait_for("main", "90 rows of wine")
    (folder / "wine").unlink()
    choose(visit, "circle")
    assert button.inner_text().split() == ["wine", "178", "wines"]
    assert button.get_attribute("aria-pressed") == "false"
    choose(visit, "wine")
    visit.wait_for("main", "178 rows of wine")


def test_findings_that_a_training_resolves_are_marked_as_such(visit: Visit) -> None:
    sentence = visit.page.get_by_text("The training standardizes the numbers of this table.")
    for name, is_shown in (("wine", True), ("circle", False)):
        choose(visit, name)
        assert sentence.is_visible() == is_shown, name


def test_request_for_more_classes(visit: Visit, folder: Path) -> None:
    visit.open("data")
    visit.click("Draw points")
    canvas = visit.page.locator("canvas.draw")
    box = canvas.bounding_box()
    assert box is not None
    for i, color in enumerate(("blue", "orange", "green")):
        visit.page.locator(".chip", has_text=color).click()
        for k in range(8):
            angle = 2 * math.pi * i / 3 + 0.2 * k
            x, y = 0.5 + 0.3 * math.cos(angle), 0.5 + 0.3 * math.sin(angle)
            canvas.click(position={"x": x * box["width"], "y": y * box["height"]})
    visit.page.get_by_role("button", name="Use ").click()
    visit.wait_for("main", "72 rows of studio/drawn.csv")
    visit.wait_for("main", "one of 3 classes")
    assert len((folder / "studio" / "drawn.csv").read_text().splitlines()) == 73
    train_a_step(visit)
    visit.page.wait_for_selector(".surface canvas")
    visit.open("predict")
    visit.page.wait_for_selector(".bar:nth-child(3)")


def test_request_for_regression(visit: Visit) -> None:
    choose(visit, "waves")
    train_a_step(visit)
    visit.open("predict")
    visit.page.locator("main .big").filter(has_text=re.compile(r"^[−-]?\d")).wait_for()
    assert visit.page.locator(".bar").count() == 0


def test_request_for_more_layers_and_units(visit: Visit) -> None:
    choose(visit, "circle")
    set_net(visit, "3 tanh")
    visit.wait_for(".program", "'3 tanh'")
    visit.click("+ Layer")
    visit.wait_for(".program", "'3 tanh, 3 tanh'")
    visit.page.get_by_label("More units in layer 2").click()
    visit.wait_for(".program", "'3 tanh, 4 tanh'")
    visit.page.get_by_label("Insert a layer at position 1").click()
    visit.wait_for(".program", "'4 tanh, 3 tanh, 4 tanh'")
    visit.page.get_by_label("Units dense1").fill("120")
    visit.page.keyboard.press("Tab")
    visit.wait_for(".program", "'120 tanh, 3 tanh, 4 tanh'")


@pytest.mark.long
def test_a_text_that_is_entered_at_once_is_kept_on_a_slow_page(visit: Visit) -> None:
    choose(visit, "circle")
    client = visit.context.new_cdp_session(visit.page)
    client.send("Emulation.setCPUThrottlingRate", {"rate": 12})
    try:
        for net in ("5 relu", "2 tanh, 2 tanh", "7 sigmoid"):
            visit.open("data")
            set_net(visit, net)  # before the page is drawn for the first time
            visit.wait_for(".program", f"'{net}'")
    finally:
        client.send("Emulation.setCPUThrottlingRate", {"rate": 1})


def test_a_field_keeps_its_text_while_it_is_edited(visit: Visit) -> None:
    visit.open("network")
    field = visit.page.get_by_label("Learning rate")
    field.fill("0.05")
    visit.page.wait_for_timeout(1600)  # the page is drawn again meanwhile
    assert field.input_value() == "0.05"
    visit.page.keyboard.press("Tab")
    visit.wait_for(".program", "learning_rate=0.05")


def test_request_for_custom_activation(visit: Visit) -> None:
    choose(visit, "xor")
    set_net(visit, "3 x*sigmoid(2*x)")
    visit.wait_for(".program", "x*sigmoid(2*x)")
    train_a_step(visit)
    visit.open("chain")
    visit.page.wait_for_selector(".wire-group")
    visit.page.locator(".unit").nth(2).focus()  # after the two inputs
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".inspector math")
    formulas = "\n".join(visit.page.locator(".inspector math").all_text_contents()).replace("−", "-")
    z = re.search(r"^\(?(-?[\d.]+)\)?×1", formulas, re.M)
    result = re.search(r"= ?(-?[\d.]+)\nBackward", visit.text(".inspector").replace("−", "-"))
    assert z is not None
    assert result is not None
    x = float(z[1])
    assert math.isclose(float(result[1]), x / (1 + math.exp(-2 * x)), abs_tol=2e-6)


def test_a_wrong_activation_has_a_button_with_its_fix(visit: Visit) -> None:
    set_net(visit, "6 tanhh, 4 relu")
    visit.page.get_by_role("button", name="Use 6 tanh, 4 relu").click()
    visit.wait_for(".program", "6 tanh, 4 relu")
    visit.page.locator(".unit").nth(10).wait_for()


def test_request_for_save_and_share(visit: Visit, tmp_path: Path) -> None:
    choose(visit, "circle")
    set_net(visit, "3 tanh")
    visit.wait_for(".program", "'3 tanh'")
    visit.open("files")
    with visit.page.expect_download(timeout=60_000) as waiting:
        visit.page.locator(".file", has_text="Page that predicts").click()
    waiting.value.save_as(tmp_path / "model.html")
    page = visit.context.new_page()
    page.goto((tmp_path / "model.html").as_uri())
    page.wait_for_selector("input")
    visit.open("predict")
    visit.page.wait_for_selector("main .big")
    for place in (page, visit.page):
        for name, value in (("x1", "0.5"), ("x2", "-1.25")):
            place.get_by_role("spinbutton", name=name, exact=True).fill(value)
            place.keyboard.press("Tab")
    row = page.locator("tr", has_text="orange").inner_text()
    percent = 100 * float(row.split()[1])
    bar = visit.page.locator(".bar", has_text="orange")
    bar.filter(has_text=f"{percent:.1f} %").wait_for()
    page.close()


def test_request_for_export_as_code(visit: Visit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visit.open("network")
    visit.page.get_by_label("Epochs").fill("2")
    visit.page.keyboard.press("Tab")
    visit.wait_for(".program", "epochs=2")
    visit.open("files")
    with visit.page.expect_download() as waiting:
        visit.page.locator(".file", has_text="Python program").click()
    program = Path(waiting.value.path()).read_text()
    visit.click("Train")
    visit.wait_for(".reading", "complete")
    own = max(folder.glob("runs/*/model.safetensors"), key=lambda path: path.stat().st_mtime)
    (folder / "train.py").write_text(program)
    monkeypatch.chdir(folder)
    runpy.run_path("train.py")["run"].model.save("other.safetensors")
    assert own.read_bytes() == (folder / "other.safetensors").read_bytes()


LESSON_STEPS = {
    "neuron": ("chain", ".unit"),
    "sum": ("chain", ".wire-group"),
    "activation": ("network", "relu"),
    "loss": ("training", "One step"),
    "gradient": ("chain", ".chip:has-text('Gradients')"),
    "chain": ("chain", "walk"),
    "update": ("training", "Train"),
    "overfitting": ("training", "Train"),
    "vanishing": ("training", "Train"),
    "relu": ("training", "Train"),
}


@pytest.mark.long
def test_each_lesson_is_done_by_its_task(visit: Visit) -> None:
    choose(visit, "circle")
    set_net(visit, "3 tanh, 3 tanh")
    visit.wait_for(".program", "3 tanh, 3 tanh")
    visit.click("Lessons")
    visit.page.locator(".lesson").last.wait_for()
    assert len(LESSON_STEPS) == visit.page.locator(".lesson").count() == 10
    for number, (view, action) in enumerate(LESSON_STEPS.values()):
        do_lesson(visit, visit.page.locator(".lesson").nth(number), view, action)
    assert "10 of 10" in visit.text(".drawer")


def do_lesson(visit: Visit, lesson: Any, view: str, action: str) -> None:
    """Do the task of a lesson, and wait until it is marked as done."""
    page = visit.page
    if lesson.locator("button").first.get_attribute("aria-expanded") != "true":
        lesson.locator("button").first.click()
    assert lesson.locator(".done").count() == 0
    if (set_up := lesson.get_by_role("button", name="Set it up")).count():
        with page.expect_response(lambda response: "/api/options" in response.url, timeout=60_000):
            set_up.click()
    lesson.get_by_role("link", name="Go there").click()
    page.wait_for_selector(f'.tabs a[aria-current="page"][href="#{view}"]')
    if action == "relu":
        page.get_by_label("Activation dense1").select_option("relu")
    elif action == "walk":
        page.wait_for_selector(".wire-group")
        while lesson.locator(".done").count() == 0:
            page.locator("main header .button:not(.icon)").last.click()
    elif action.startswith("."):
        page.wait_for_selector(action)
        page.locator(action).first.dispatch_event("click")
    else:
        visit.click(action)
    lesson.locator(".done").wait_for(timeout=90_000)
    if action == "Train":  # at once: the training may end between a look and a click
        page.get_by_role("button", name="Pause", exact=True).evaluate_all("all => all[0]?.click()")


@pytest.mark.long
def test_a_training_continues_when_the_page_is_closed(visit: Visit, studio: ServerProcess) -> None:
    choose(visit, "moons")
    other = Visit(visit.context.browser, studio)
    other.open("training")
    other.page.locator('.columns input[type="range"]').first.fill("0.05")
    other.click("Train")
    other.wait_for(".reading", "running")
    other.close()
    step = int(json.loads(studio.request("GET", "/api/training").body)["step"])
    visit.page.wait_for_timeout(1000)
    record = json.loads(studio.request("GET", "/api/training").body)
    assert record["status"] == "running"
    assert record["step"] > step
    visit.wait_for(".reading", "running")
    visit.click("Pause")


@pytest.mark.long
def test_another_run_is_laid_beside_the_curves_of_this_training(visit: Visit, folder: Path) -> None:
    run = folder / "runs" / "kept-1"
    run.mkdir(parents=True, exist_ok=True)
    first = next(path for path in (folder / "runs").iterdir() if (path / "config.toml").is_file())
    (run / "config.toml").write_text((first / "config.toml").read_text().replace("seed = 0", "seed = 7"))
    (run / "history.csv").write_text("epoch,loss,val_loss\n1,0.7,0.8\n2,0.5,0.6\n3,nan,\n")
    choose(visit, "circle")
    train_a_step(visit)
    box = visit.page.get_by_label("Compare with another training")
    box.select_option("runs/kept-1")
    visit.wait_for("main", "runs/kept-1 differs in")
    visit.wait_for(".legend", "runs/kept-1, same epochs")
    box.select_option("")
    visit.page.locator("main", has_text="kept-1 differs").wait_for(state="detached")


@pytest.mark.long
def test_two_pages_show_the_same_project(visit: Visit, studio: ServerProcess) -> None:
    other = Visit(visit.context.browser, studio)
    choose(visit, "xor")
    other.open("network")
    other.page.locator("input.mono").fill("5 relu")
    other.page.keyboard.press("Tab")
    visit.open("network")
    visit.wait_for(".program", "'5 relu'")
    other.close()


NUMBERS = {
    "6.79654×10⁻⁵": "7e−5",
    "−1.7×10⁻⁴": "−2e−4",
    "1.20625×10¹²": "1e+12",
    "0": "0.00",
    "-0.25": "−0.25",
    "+3.14159": "3.14",
    "−123.4": "−123",
    "12.34": "12.3",
    "–": "–",
    "": "",
}


def test_numbers_in_the_drawing_fit_a_circle(visit: Visit) -> None:
    read = "texts => import('/static/drawing.js').then(file => texts.map(text => file.shown(text)))"
    assert dict(zip(NUMBERS, visit.page.evaluate(read, list(NUMBERS)), strict=True)) == NUMBERS


@pytest.mark.long
def test_the_decision_surface_is_drawn_again_when_its_width_changes(visit: Visit) -> None:
    choose(visit, "circle")
    train_a_step(visit)
    canvas = visit.page.locator(".surface canvas")
    for width in (390, 860, 1280):  # a phone, its other side, and a window
        visit.page.set_viewport_size({"width": width, "height": 860})
        visit.page.wait_for_function(
            "canvas => canvas.width === Math.floor(canvas.clientWidth * devicePixelRatio)",
            arg=canvas.element_handle(),
            timeout=10_000,
        )


DENSE = """ratio => [...document.querySelectorAll(".surface canvas, .chart canvas")].every((canvas) =>
    Math.abs(canvas.width - canvas.clientWidth * ratio) < 2)"""


@pytest.mark.long
def test_canvases_are_drawn_again_on_a_screen_of_another_density(visit: Visit) -> None:
    choose(visit, "circle")
    train_a_step(visit)
    visit.page.wait_for_selector(".chart canvas")
    client = visit.context.new_cdp_session(visit.page)
    for width, ratio in ((1281, 2), (1282, 1.5), (1280, 1)):
        size = {"width": width, "height": 860, "deviceScaleFactor": ratio, "mobile": False}
        client.send("Emulation.setDeviceMetricsOverride", size)
        visit.page.wait_for_function(DENSE, arg=ratio, timeout=10_000)
        assert visit.page.evaluate("devicePixelRatio") == ratio
    client.send("Emulation.clearDeviceMetricsOverride")


def test_a_training_that_diverges_is_watched(visit: Visit) -> None:
    choose(visit, "circle")
    visit.open("network")
    for name, value in (("Epochs", "100000"), ("Learning rate", "1000000")):
        visit.page.get_by_label(name).fill(value)
        with visit.page.expect_response(CHANGED, timeout=60_000):
            visit.page.keyboard.press("Tab")
    visit.open("training")
    visit.click("Train")
    visit.page.get_by_role("button", name="--learning-rate 100000.0").wait_for(timeout=60_000)
    note = visit.page.locator(".note.warning").first
    widths = [part.evaluate("e => e.clientWidth") for part in (note.locator("p").first, note)]
    assert widths[0] > 0.6 * widths[1]  # the button leaves the text its width
    visit.open("predict")
    visit.page.wait_for_selector(
        ".bar:nth-child(2)"
    )  # though the steps follow each other faster than requests
    visit.page.locator(
        "[aria-live]", has_text=re.compile("attack (of|succeeds)|without an attack")
    ).wait_for()
    visit.wait_for(".reading", "running")
    visit.click("Pause")
    visit.wait_for(".reading", "paused")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the processes are found in /proc")
def test_a_training_whose_process_is_killed_continues(visit: Visit, studio: ServerProcess) -> None:
    choose(visit, "circle")
    set_net(visit, "2 tanh")
    train_a_step(visit)
    for children in Path(f"/proc/{studio.process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)  # the training, and the process that waits for the next one
    visit.wait_for(".reading", "failed")
    note = visit.page.locator("main [role=alert]")
    assert "exit code" in note.inner_text()
    assert note.evaluate("note => note.getBoundingClientRect().bottom") < 400
    train_a_step(visit)
    assert note.count() == 0


def test_a_step_between_two_frames_is_shown_after_the_slider_stops(visit: Visit) -> None:
    choose(visit, "circle")
    set_net(visit, "2 tanh")
    visit.open("training")
    visit.click("Train")
    visit.wait_for(".reading", "complete")
    slider = visit.page.get_by_label("Rewind to a step")
    slider.fill("7")
    reading = visit.page.locator(".reading")
    visit.page.wait_for_function("document.querySelector('.reading dd:last-child').innerText !== '–'")
    assert re.sub(r"\s+", " ", reading.inner_text()).startswith("Training complete Step 7 Epoch 1 Loss 0.")


def test_a_file_of_2_gib_is_refused_with_a_command(visit: Visit, tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(2 << 30)  # a sparse file takes no room
    visit.open("data")
    visit.page.set_input_files("input[type=file]", tmp_path / "large.csv")
    visit.wait_for(".toast", "2.0 GiB")
    assert "How to fix it: chainrule studio large.csv" in visit.text(".toast")
    assert visit.page.locator(".sheet").count() > 2
    visit.click("Close")


def test_a_damaged_file_is_refused_with_its_place_and_content(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    visit.open("data")
    visit.page.set_input_files("input[type=file]", tmp_path / "damaged.parquet")
    visit.wait_for(".toast", "Place: damaged.parquet")
    lines = visit.text(".toast .note").split("\n")
    assert "Expected: a Parquet file" in lines
    assert any(line.startswith("Received: parquet: ") for line in lines)
    assert visit.page.locator(".sheet").count() > 2
    visit.click("Close")


def test_everything_is_readable_in_print(visit: Visit) -> None:
    visit.open("chain")
    visit.page.wait_for_selector(".net")
    visit.page.emulate_media(media="print")
    assert not visit.page.locator(".transport").is_visible()
    assert visit.page.locator(".net").is_visible()
    visit.page.emulate_media(media="screen")


FOCUSED = """(element => element.getAttribute("aria-label") || (element.labels?.[0] ?? element).innerText)
    (document.activeElement)"""


def tab_to(page: Any, name: str) -> None:
    """Press Tab until an element whose name begins with this text has the focus, and is marked."""
    for _ in range(300):
        page.keyboard.press("Tab")
        if str(page.evaluate(FOCUSED)).strip().startswith(name):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"{name} is not reached by the keyboard")


def enter_at(page: Any, name: str) -> None:
    """Press Tab until an element has the focus, then Enter."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def draw_by_keys(page: Any) -> None:
    """Draw a line of 15 points to the right in blue, and one back in orange."""
    enter_at(page, "Draw points")
    for color, key in (("blue", "ArrowRight"), ("orange", "ArrowLeft")):
        enter_at(page, color)
        tab_to(page, "Area to draw points in")
        for _ in range(5):
            page.keyboard.press(f"Shift+{key}")
        for _ in range(5):
            page.keyboard.press(key)


def test_a_key_that_an_element_uses_starts_no_training(visit: Visit) -> None:
    choose(visit, "circle")
    visit.click("Draw points")
    visit.page.locator("canvas.draw").focus()
    visit.page.keyboard.press("Space")
    visit.page.get_by_role("button", name="Use 3 points").wait_for()
    assert visit.text(".reading .status") == "not started"
    visit.page.locator("main").focus()
    visit.page.keyboard.press(".")
    visit.wait_for(".reading", "paused")
    visit.open("training")  # and leave the canvas


@pytest.mark.long
def test_the_keyboard_alone_leads_from_data_to_a_prediction(visit: Visit, studio: ServerProcess) -> None:
    other = Visit(visit.context.browser, studio)
    page, keys = other.page, other.page.keyboard
    enter = partial(enter_at, page)
    enter("Data")
    enter("moons")
    page.locator('.source[aria-pressed="true"]:has-text("moons")').wait_for(timeout=60_000)
    draw_by_keys(page)
    enter("Use 30 points")
    other.wait_for("main", "drawn")
    enter("Network")
    tab_to(page, "The same as text")
    keys.press("ControlOrMeta+A")
    keys.type("3 relu")
    keys.press("Tab")
    other.wait_for(".program", "'3 relu'")
    enter("Training")
    enter("One step")
    other.wait_for(".reading", "paused")
    enter("Chain rule")
    page.wait_for_selector(".wire-group")
    enter("w")
    page.wait_for_selector(".inspector math")
    enter("Predict")
    page.wait_for_selector(".bar")
    before = other.text(".bars")
    tab_to(page, "x1")
    tab_to(page, "x1")  # the slider below the field
    for _ in range(30):
        keys.press("ArrowRight")
    page.wait_for_function("text => document.querySelector('.bars').innerText !== text", arg=before)
    enter("Take away")
    tab_to(page, "Python program")
    other.close()


def test_nothing_else_was_requested_and_nothing_failed(visit: Visit) -> None:
    assert visit.hosts == {visit.home.split("/")[2]}
    assert [text for text in visit.messages if "400" not in text] == []


def test_without_a_token_nothing_responds(studio: ServerProcess) -> None:
    paths = ("/", "/static/app.js", "/api/project", "/api/export/model")
    statuses = {path: studio.request("GET", path, token=None).status for path in paths}
    assert set(statuses.values()) == {401}
    page = studio.request("GET", "/")
    assert page.status == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert json.loads(studio.request("GET", "/api/texts?lang=zh").body)["tab_chain"] == "链式法则"


def derive_the_loss_of_the_last_batch(phone: Visit) -> None:
    """Show the batch of the last update at the end of a training, and click its loss."""
    slider = phone.page.locator('.transport input[type="range"]')
    last = slider.get_attribute("max")
    slider.fill(str(last))
    phone.open("chain")
    phone.page.get_by_label("Row (0").fill("0")
    phone.page.keyboard.press("Tab")
    phone.wait_for(".key", f"update {last}, the last one")
    assert f"--step {last} " in phone.text(".program")
    phone.page.locator(".unit").last.dispatch_event("click")
    phone.wait_for(".inspector h2", "J")
    phone.page.wait_for_selector(".inspector math")
    derivation, weights = (
        phone.page.locator(part).bounding_box() for part in (".inspector", '.sheet:has-text("All weights")')
    )
    assert derivation["y"] < weights["y"]  # at once below the drawing


@pytest.mark.long
def test_a_run_is_opened_on_a_phone_and_goes_back(visit: Visit, folder: Path) -> None:
    cr.train_table("iris", net="4 tanh", epochs=5, out=folder / "flowers", verbose=False)
    words = ["flowers", "--no-browser", "--token-file", folder / "token"]
    with running_server(*words, command="studio", folder=folder) as running:
        phone = Visit(visit.context.browser, running, 390)
        phone.open("training")
        phone.wait_for(".reading", "complete")
        phone.page.locator(".figures").first.wait_for()
        last = phone.text(".figures")
        phone.page.locator('.transport input[type="range"]').fill("5")
        phone.page.wait_for_function(
            "text => document.querySelector('.figures').innerText !== text", arg=last, timeout=30_000
        )
        derive_the_loss_of_the_last_batch(phone)
        phone.open("files")
        phone.page.wait_for_function(
            "document.querySelector('.tabs [aria-current]').getBoundingClientRect().right <= innerWidth"
        )
        assert phone.messages == []
        assert running.stop() == 0
        phone.wait_for(".toast", "The studio does not respond.")
        phone.close()


TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(".tabs, .drawer")]
    .filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.className || "page")"""


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [320, 360, 390, 1280])
def test_no_view_is_wider_than_its_window(visit: Visit, studio: ServerProcess, lang: str, width: int) -> None:
    choose(visit, "circle")
    train_a_step(visit)
    other = Visit(visit.context.browser, studio, width, locale=lang)
    wrong = []
    for view in VIEWS:
        other.open(view)
        other.page.wait_for_timeout(300)
        other.page.wait_for_selector('main[aria-busy="false"]')
        wrong += [f"{view}: {part}" for part in other.page.evaluate(TOO_WIDE)]
    other.page.locator(".tools button").first.click()
    other.page.wait_for_selector(".drawer")
    wrong += [f"lessons: {part}" for part in other.page.evaluate(TOO_WIDE)]
    other.close()
    assert wrong == []


@pytest.mark.long
@pytest.mark.parametrize(("lang", "theme", "width"), [("en-US", "light", 390), ("zh-CN", "dark", 1280)])
def test_axe_has_no_finding_in_any_view(
    visit: Visit, studio: ServerProcess, lang: str, theme: str, width: int
) -> None:
    other = Visit(visit.context.browser, studio, width, locale=lang, color_scheme=theme)
    lessons = other.page.locator(".tools button").first
    wrong = []
    for view in VIEWS:
        other.open(view)
        other.page.wait_for_timeout(300)
        other.page.wait_for_selector('main[aria-busy="false"]')
        wrong += [f"{view}: {line}" for line in violations(other.page)]
        if lang == "zh-CN":
            wrong += [f"{view}: {words}" for words in english_sentences(other.text("body"))]
    lessons.click()
    other.page.wait_for_selector(".drawer")
    wrong += [f"lessons: {line}" for line in violations(other.page)]
    other.close()
    assert wrong == []
