"""The manifests of docs/xla.md are those of Kubernetes, by its schemas."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
schemas = pytest.importorskip("kubernetes_validate")

PAGE = Path(__file__).parents[2] / "docs" / "xla.md"


def manifests() -> list[dict[str, object]]:
    """The documents of the YAML blocks of the page."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [document for block in blocks for document in yaml.safe_load_all(block)]


def test_the_manifests_of_the_page_follow_their_schemas() -> None:
    kinds = [manifest["kind"] for manifest in manifests()]
    assert kinds == ["Service", "Job"]
    for manifest in manifests():
        schemas.validate(manifest, schemas.latest_version(), strict=True)


def test_a_wrong_manifest_is_refused() -> None:
    job = manifests()[1]
    job["spec"] = {**job["spec"], "completion": 2}  # type: ignore[dict-item]
    with pytest.raises(schemas.ValidationError):
        schemas.validate(job, schemas.latest_version(), strict=True)
