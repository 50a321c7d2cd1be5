"""The files of a folder of examples; a folder of other files is refused without walking all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import chainrule as cr
from chainrule.data.readers import data_folder as files
from chainrule.errors import DataError


def test_visible_files_are_listed_by_path(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.png", "a/.hidden.png", ".git/3.png", "a-c/4.PNG", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    paths = files.folder_files(tmp_path, (".png",), "E351")
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names == ["a-c/4.PNG", "a/1.png", "b/2.png", "link", "notes.txt"]


@pytest.mark.parametrize(("read", "code"), [(cr.data.read_images, "E351"), (cr.read_sounds, "E370")])
def test_a_folder_of_many_other_files_is_refused(
    read: object, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_OTHERS", 5)
    for number in range(6):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(DataError, match=rf"{code}(?s:.*)more than 5 other files"):
        read(tmp_path)  # type: ignore[operator]


def test_notes_beside_each_image_are_no_foreign_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_OTHERS", 5)
    for number in range(9):
        (tmp_path / f"{number}.png").touch()
        (tmp_path / f"{number}.txt").touch()
    assert len(files.folder_files(tmp_path, (".png",), "E351")) == 18
