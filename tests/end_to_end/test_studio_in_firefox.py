"""The studio in Firefox, which Marionette drives: ``pip install marionette_driver``, and ``firefox-esr``."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from server_process import TOKEN, running_server

pytest.importorskip("starlette")
marionette: Any = pytest.importorskip("marionette_driver", reason="marionette_driver is not installed")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox here")
VIEWS = ("data", "network", "training", "chain", "predict", "files")


@pytest.mark.long
def test_a_step_and_its_derivation_in_firefox(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = ["circle", "--no-browser", "--token-file", tmp_path / "token"]
    options = {"headless": True, "startup_timeout": 240, "gecko_log": str(tmp_path / "gecko.log")}
    client = marionette.marionette.Marionette(bin=FIREFOX, **options)
    css = marionette.By.CSS_SELECTOR
    with running_server(*words, command="studio", folder=tmp_path) as server:
        try:
            client.start_session()
            client.timeout.implicit = 60
            client.navigate(f"http://127.0.0.1:{server.port}/?token={TOKEN}")
            client.find_element(css, 'button[aria-label="One step"]').click()
            end = time.monotonic() + 90
            while "paused" not in client.find_element(css, ".reading").text:
                assert time.monotonic() < end
                time.sleep(0.2)
            for view in VIEWS:
                client.execute_script(f"location.hash = {view!r}")
                client.find_element(css, f'.tabs a[aria-current="page"][href="#{view}"]')
            client.execute_script("location.hash = 'chain'")
            client.find_element(css, ".wire-group")
            press = "new MouseEvent('click', {bubbles: true})"
            client.execute_script(f"document.querySelector('.wire-group').dispatchEvent({press})")
            client.find_element(css, ".inspector math")
            assert len(client.find_elements(css, ".inspector .result")) > 3
        finally:
            client.quit()
