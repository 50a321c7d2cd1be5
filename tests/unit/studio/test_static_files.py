"""The files of the page: vendored libraries, texts, and no request to another host."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

import chainrule
from chainrule.studio.texts import TEXTS, all_texts

STATIC = Path(chainrule.__file__).parent / "studio" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
VENDORED = tomllib.loads((STATIC / "vendor" / "vendor.toml").read_text(encoding="utf-8"))["file"]
LITERAL = re.compile(r"""\bT\(\s*["'`]([^"'`]+)["'`]""")


@pytest.mark.parametrize("record", VENDORED, ids=[record["name"] for record in VENDORED])
def test_vendored_files_have_their_hash_and_a_license(record: dict[str, str]) -> None:
    content = (STATIC / "vendor" / record["name"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert re.search(r"\d+\.\d+", record["source"])
    assert record["license"] in ("MIT", "Apache-2.0, MIT", "Apache-2.0", "OFL-1.1")


def test_every_vendored_file_is_in_the_table() -> None:
    names = {path.name for path in (STATIC / "vendor").iterdir()} - {"vendor.toml"}
    assert len(names) > 5
    assert names == {record["name"] for record in VENDORED}


def used_keys() -> tuple[set[str], set[str]]:
    """The keys of texts that the scripts name, and the beginnings of keys that they build."""
    words = {word for path in SCRIPTS for word in LITERAL.findall(path.read_text(encoding="utf-8"))}
    built = {word.partition("${")[0] for word in words if "${" in word}
    return {word for word in words if "${" not in word}, built


def test_every_text_of_a_script_exists() -> None:
    keys, beginnings = used_keys()
    assert len(keys) > 100
    assert keys - TEXTS.keys() == set()
    assert [start for start in beginnings if not any(key.startswith(start) for key in TEXTS)] == []


def test_every_text_is_used() -> None:
    keys, beginnings = used_keys()
    content = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    quoted = set(re.findall(r'"(\w+)"', content))
    unused = [key for key in TEXTS if key not in keys | quoted and not key.startswith(tuple(beginnings))]
    assert unused == []


def test_chinese_texts_have_the_fields_of_the_english_ones() -> None:
    english, chinese = all_texts("en"), all_texts("zh")
    fields = re.compile(r"\{\w+\}")
    assert len(english) == len(TEXTS) > 150
    assert {
        k for k in english if sorted(fields.findall(english[k])) != sorted(fields.findall(chinese[k]))
    } == set()


def test_scripts_build_no_markup_and_name_no_other_host() -> None:
    for path in [*SCRIPTS, STATIC / "index.html", STATIC / "studio.css"]:
        content = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert (
            re.findall(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", content)
            == []
        )
        assert path.suffix != ".html" or "<style" not in content
        assert path.suffix != ".html" or re.search(r"<script(?![^>]*\bsrc=)", content) is None
