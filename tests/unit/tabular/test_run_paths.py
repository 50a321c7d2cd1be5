"""Folders of runs: found by folder or file name, numbered for each training, never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.errors import ChainruleError, FileError, UsageError
from chainrule.tabular.run_folder import claimed, model_file, new_run


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("iris", "iris-1"),
        ("a/b/cars.csv.gz", "cars-1"),
        ("../x y;z.csv", "x-y-z-1"),
        (".csv", "table-1"),
        ("数据.csv", "数据-1"),
    ],
)
def test_the_name_comes_from_the_data(data: str, name: str) -> None:
    assert new_run(data) == Path("runs") / name


def test_run_numbers_count_up() -> None:
    assert [new_run("iris").name for _ in range(3)] == ["iris-1", "iris-2", "iris-3"]


def test_a_file_in_place_of_the_runs_folder_is_refused() -> None:
    Path("runs").write_text("")
    with pytest.raises(FileError, match="E432"):
        new_run("iris")


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.toml", "history.csv", "model-card.md", "report.html", "checkpoints"]
)
def test_a_folder_with_a_training_is_refused(name: str) -> None:
    Path("run").mkdir()
    Path("run", name).write_text("")
    with pytest.raises(UsageError, match="E602"), claimed(Path("run"), resume=False):
        pass
    assert [f.name for f in Path("run").iterdir()] == [name]


def test_a_folder_with_other_files_is_fine() -> None:
    Path("run").mkdir()
    Path("run", "notes.txt").write_text("mine")
    with claimed(Path("run"), resume=False) as folder:
        assert folder.path == Path("run").resolve()
    assert Path("run", "notes.txt").read_text() == "mine"


def test_resume_needs_a_folder() -> None:
    with pytest.raises(FileError, match="E604"), claimed(Path("run"), resume=True):
        pass
    assert not Path("run").exists()


def test_a_model_is_found_in_its_folder() -> None:
    Path("run").mkdir()
    with pytest.raises(ChainruleError) as caught:
        model_file("run")
    assert (caught.value.code, caught.value.received) == ("E610", "none")
    Path("run/config.toml").write_text("")
    with pytest.raises(ChainruleError, match="unfinished"):
        model_file("run")
    Path("run/model.safetensors").write_text("")
    assert model_file("run") == model_file("run/model.safetensors") == Path("run/model.safetensors")
