"""Pages of figures hold their images, boxes and captions, and no markup from a caption."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from chainrule.page.result_pages import Box, Figure, heat_pixels, image_page


def test_images_of_a_page_decode_to_their_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 4, 3), dtype=np.uint8)
    page = image_page("Two", ["a note"], [Figure((images[0], images[1]), "both")], "en").decode()
    contents = re.findall(r'href="data:image/png;base64,([^"]+)"', page)
    decoded = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in contents]
    assert np.array_equal(np.stack(decoded), images)


def test_boxes_are_scaled_with_their_image() -> None:
    figure = Figure((np.zeros((10, 20), np.uint8),), "", (Box((2, 1, 4, 3), "#ff0000", "<b>", True),))
    page = image_page("One", [], [figure], "zh", height=100).decode()
    assert '<rect x="20.0" y="10.0" width="20.0" height="20.0"' in page
    assert "&lt;b&gt;" in page
    assert 'lang="zh-CN"' in page


def test_captions_are_escaped_and_nothing_is_loaded() -> None:
    page = image_page("<i>", ["&"], [Figure((np.zeros((1, 1), np.uint8),), "<script>")], "en").decode()
    assert "<script>" not in page
    assert "<i>" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_heat_is_blue_for_and_orange_against() -> None:
    red, _, blue = heat_pixels(np.array([[1.0, -1.0]])).transpose(2, 0, 1)[:, 0].astype(int)
    assert blue[0] > red[0]
    assert red[1] > blue[1]


def test_a_page_lists_its_colors_and_plays_its_sounds() -> None:
    figure = Figure((np.zeros((1, 1), np.uint8),), "hello", sound=b"RIFF")
    page = image_page("Sounds", [], [figure], "en", keys=[("#ff0000", "<red>")]).decode()
    encoded = base64.b64encode(b"RIFF").decode()
    assert f'<audio controls src="data:audio/wav;base64,{encoded}"></audio>' in page
    assert "media-src data:" in page
    assert '<span style="color:#ff0000">■</span> &lt;red&gt;' in page
