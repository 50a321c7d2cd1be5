"""Models of several kinds of input in the studio, in a browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")

from PIL import Image

from axe import violations
from browser_visit import Visit, chromium, needs_chromium
from chainrule.data import decode_image
from kind_models import MODELS
from server_process import TOKEN, running_server

pytestmark = needs_chromium
RESULT = ".big, [aria-live] td"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@contextmanager
def studio_of(name: str, folder: Path, browser: Any) -> Iterator[tuple[Visit, str]]:
    """The view of predictions of a model of a kind, and the rows for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data, _ = MODELS[name]()
    (folder / "token").write_text(TOKEN)
    words = ["model.safetensors", "--no-browser", "--token-file", folder / "token"]
    with running_server(*words, command="studio", folder=folder) as studio:
        visit = Visit(browser, studio)
        visit.open("predict")
        yield visit, data
        assert [text for text in visit.messages if "favicon" not in text] == []
        assert violations(visit.page) == []
        visit.close()


BOXES = """
() => {
  const image = document.querySelector("canvas.draw").getBoundingClientRect();
  const { width, height } = image;
  return [...document.querySelectorAll("i.box")].map((box) => {
    const place = box.getBoundingClientRect();
    const across = [place.left, place.right].map((side) => (side - image.left) / width);
    const down = [place.top, place.bottom].map((side) => (side - image.top) / height);
    return [box.innerText.trim(), across[0], down[0], across[1], down[1]];
  });
}
"""


@pytest.mark.long
def test_boxes_in_an_image_are_drawn_and_a_table(tmp_path: Path, browser: Any) -> None:
    with studio_of("detection", tmp_path, browser) as (visit, data):
        visit.page.set_input_files("input[type=file]", tmp_path / data / "a.png")
        visit.wait_for(RESULT, "dog")
        assert visit.page.locator("[aria-live] th").all_inner_texts() == [
            "class",
            "score",
            "left",
            "top",
            "right",
            "bottom",
        ]
        visit.page.locator("i.box").first.wait_for()
        height, width = decode_image((tmp_path / data / "a.png").read_bytes(), "a.png").shape[:2]
        rows = visit.page.locator("[aria-live] tbody tr").all()
        cells = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]
        boxes = visit.page.evaluate(BOXES)
        assert [text for text, *_ in boxes] == [f"{kind} {float(score):.2f}" for kind, score, *_ in cells]
        expected = [[float(side) for side in row[2:]] / np.tile([width, height], 2) for row in cells]
        assert np.allclose([sides for _, *sides in boxes], expected, atol=0.02)
        visit.click("Compute")
        visit.page.locator(".chip", has_text="Contributions").click(timeout=60_000)
        visit.page.locator(".chip[aria-pressed=true]").wait_for()


@pytest.mark.long
@pytest.mark.parametrize("sides", [(8, 8), (480, 300)])
def test_a_drawing_on_an_image_has_its_pixels(tmp_path: Path, browser: Any, sides: tuple[int, int]) -> None:
    with studio_of("detection", tmp_path, browser) as (visit, _):
        Image.new("RGB", sides).save(tmp_path / "black.png")
        with visit.page.expect_response("**/api/predict**"):
            visit.page.set_input_files("input[type=file]", tmp_path / "black.png")
        canvas = visit.page.locator("canvas.draw")
        visit.page.wait_for_function(
            "width => document.querySelector('canvas.draw').width % width === 0", arg=sides[0]
        )
        assert int(canvas.evaluate("canvas => canvas.width")) <= 640
        with visit.page.expect_request("**/api/predict**") as sent:
            canvas.click()
        content = base64.b64decode(sent.value.post_data_json["file"])
        pixels = decode_image(content, "drawn.png")
        assert pixels.shape[1::-1] == sides
        assert pixels.max() > 40  # the dot is on the corner of four pixels


@pytest.mark.long
def test_a_span_and_its_contributions_are_shown(tmp_path: Path, browser: Any) -> None:
    with studio_of("questions", tmp_path, browser) as (visit, _):
        visit.page.get_by_label("passage").fill("the key is here")
        visit.page.get_by_label("question").fill("where is it")
        visit.wait_for("[aria-live] th", "probability")
        visit.click("Compute")
        visit.page.locator("td.right").first.wait_for(timeout=60_000)


def use_the_player_by_keys(visit: Visit) -> None:
    """Play a sound by the keyboard on a small phone; no key is one of a training."""
    posts: list[str] = []
    visit.page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    visit.page.set_viewport_size({"width": 320, "height": 860})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 320
    visit.page.locator("audio").focus()
    visit.page.keyboard.press("Space")
    visit.page.wait_for_function("() => document.querySelector('audio').currentTime > 0")
    visit.page.locator("main").focus()
    for key in (".", "Space"):
        visit.page.keyboard.press(key)
    visit.page.wait_for_timeout(300)
    assert [url for url in posts if "/api/train" in url] == []
    visit.page.set_viewport_size({"width": 1280, "height": 860})


@pytest.mark.long
def test_a_sound_is_named_and_explained_and_an_unreadable_file_has_no_prediction(
    tmp_path: Path, browser: Any
) -> None:
    soundfile = pytest.importorskip("soundfile")
    tone = np.sin(np.arange(22050) / 30)
    sound = tmp_path / f"stereo{'_' * 90}.wav"
    soundfile.write(sound, np.stack([tone, tone], axis=1), 44100, subtype="PCM_24")
    (tmp_path / "text.wav").write_text("no sound")
    with studio_of("sounds", tmp_path, browser) as (visit, _):
        visit.page.set_input_files("input[type=file]", sound)
        visit.wait_for("main", "1 sound of another sample rate (44100 Hz) is resampled to")
        visit.wait_for("td", "Hz")
        length = "Math.round(100 * document.querySelector('audio').duration)"
        visit.page.wait_for_function(f"{length} === 50")
        use_the_player_by_keys(visit)
        visit.page.set_input_files("input[type=file]", tmp_path / "text.wav")
        visit.wait_for("main", "a file of another format")
        assert "text.wav" in visit.text()
        assert visit.page.locator(".big, .bar, table").count() == 0
        refused = [text for text in visit.messages if "400" in text]
        assert len(refused) == 1
        visit.messages[:] = [text for text in visit.messages if text not in refused]


@pytest.mark.long
def test_a_kind_without_a_form_has_the_command(tmp_path: Path, browser: Any) -> None:
    with studio_of("speech", tmp_path, browser) as (visit, _):
        visit.wait_for("code", "chainrule predict model.safetensors DATA")
