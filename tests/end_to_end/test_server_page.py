"""The page of a server in a browser without a network: languages, themes, widths, keyboard, and axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from axe import violations
from browser_visit import Visit, chromium, needs_chromium
from server_process import TOKEN, ServerProcess, running_server

pytest.importorskip("starlette")
pytestmark = needs_chromium
WIDTHS = (375, 1280)
HEADINGS = {"en-US": "Models of this server", "zh-CN": "本服务器的模型"}


@pytest.fixture(scope="module")
def server(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the run of iris and a model of arrays."""
    folder = tmp_path_factory.mktemp("page")
    x = np.random.default_rng(0).normal(size=(60, 2, 3)).astype(np.float32)
    net = cr.Sequential(cr.Flatten(), cr.Dense(4, "tanh"), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", cr.SGD(0.1))
    model.fit(x, np.arange(60) % 3, epochs=1, verbose=False)
    model.save(folder / "arrays.safetensors")
    (folder / "token").write_text(TOKEN)
    words = [f"iris={small_run}", folder / "arrays.safetensors", "--token-file", folder / "token"]
    with running_server(*words, "--timeout", 60) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.long
def test_every_form_of_the_page_follows_the_rules(server: ServerProcess, browser: Any) -> None:
    for (locale, heading), theme, width in product(HEADINGS.items(), ("light", "dark"), WIDTHS):
        visit = Visit(browser, server, width, locale=locale, color_scheme=theme)
        assert visit.text("h1") == heading
        assert violations(visit.page) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visit.hosts == {f"127.0.0.1:{server.port}"}
        assert visit.messages == []
        visit.close()


@pytest.mark.long
def test_a_request_is_sent_by_keyboard_alone(server: ServerProcess, browser: Any) -> None:
    visit = Visit(browser, server)
    for path, field in (("/predict", "probabilities"), ("/explain", "contribution")):
        visit.page.locator(f'form [data-path="{path}"]').first.focus()
        visit.page.keyboard.press("Enter")
        visit.wait_for("form output pre", field)
        assert visit.text("form output pre").startswith("200")
    visit.page.locator("form textarea").first.fill('{"rows": [{"<img src=x onerror=alert(1)>": 1}]}')
    visit.page.locator('form [data-path="/predict"]').first.press("Enter")
    visit.wait_for("form output pre", "bad_request")
    assert violations(visit.page) == []
    assert "the server responded with a status of 400" in "".join(visit.messages)
    assert len(visit.messages) == 1  # no script ran, no policy was violated
    visit.close()
