"""The time to read weights files is linear in their bytes, for any operations in them."""

from __future__ import annotations

import io
import pickle
import random
import time
import zipfile
from pathlib import Path

import pytest
import torch
from campaigns.hostile_cases.torch_programs import PROGRAMS, legacy, mixed, text, zipped
from hypothesis import given
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import ChainruleError, nearest
from chainrule.interop.torch.pickle_reader import Number, run
from chainrule.interop.torch.pt_file import ZipError, members_of
from chainrule.store import json_document

BYTES, SECONDS = 300_000, 4.0  # ordinary programs of this size take a tenth of the time


def work_of(data: bytes, path: Path) -> float:
    """Seconds of processor time that reading takes, whether or not the file is refused."""
    path.write_bytes(data)
    start, code = time.process_time(), ""
    try:
        cr.read_weights(path)
    except ChainruleError as error:
        code = error.code
    assert code in ("", "E450", "E451", "E452", "E454")
    return time.process_time() - start


@pytest.mark.parametrize("name", PROGRAMS)
def test_adversarial_programs_are_read_in_linear_time(name: str, tmp_path: Path) -> None:
    assert work_of(PROGRAMS[name](BYTES), tmp_path / "weights.pt") < SECONDS


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_are_read_in_linear_time(seed: int, tmp_path: Path) -> None:
    assert work_of(mixed(seed)(BYTES), tmp_path / "weights.pt") < SECONDS


def test_colliding_integer_keys_do_not_slow_down_the_reader(tmp_path: Path) -> None:
    """Regression: a file of 0.74 MB took more than a minute."""
    assert work_of(PROGRAMS["keys, multiples of the prime"](740_000), tmp_path / "weights.pt") < SECONDS


def test_integer_keys_do_not_hash_as_integers() -> None:
    (key,) = run(io.BytesIO(b"\x80\x02}K\x07Ns."), "a.pt")
    assert (key, str(key)) == (Number("7"), "7")
    assert hash(key) != hash(7)


@pytest.mark.parametrize("protocol", range(2, 6))
@given(values=some.dictionaries(some.text(max_size=5), some.none() | some.integers() | some.text(max_size=5)))
def test_ordinary_pickles_are_read_as_by_python(protocol: int, values: dict[str, object]) -> None:
    assert run(io.BytesIO(pickle.dumps([values, values], protocol=protocol)), "a.pt") == [values, values]


def test_a_memo_that_begins_with_one_is_read() -> None:
    """As written by Python 2."""
    assert run(io.BytesIO(b"\x80\x02}q\x01X\x01\x00\x00\x00aq\x02h\x02s."), "a.pt") == {"a": "a"}


def test_optimizer_state_next_to_the_weights_is_ignored(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint = {"state_dict": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    for zip_form in (True, False):
        torch.save(checkpoint, tmp_path / "checkpoint.pt", _use_new_zipfile_serialization=zip_form)
        weights = cr.read_weights(tmp_path / "checkpoint.pt", "state_dict")
        assert sorted(weights) == ["bias", "weight"]


def test_a_key_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    for make in (zipped, legacy):
        (tmp_path / "twice.pt").write_bytes(make(b"}" + (text("a") + b"Ns") * 2))
        with pytest.raises(ChainruleError, match="one key twice"):
            cr.read_weights(tmp_path / "twice.pt")


def test_a_long_key_above_many_numbers_is_named_once() -> None:
    text = '{"' + "k" * 500_000 + '": [' + "0," * 300_000 + "1e999]}"
    start = time.process_time()
    with pytest.raises(json_document.UnfitError):
        json_document.from_text(text)
    json_document.to_text({"k" * 500_000: [0] * 300_000})
    assert time.process_time() - start < SECONDS


def test_very_long_names_are_not_compared() -> None:
    start = time.process_time()
    assert nearest("a" * 100_000, ["a" * 100_000 + "b"] * 10) == ""
    assert nearest("epoch", ["epochs", "x" * 1_000_000]) == "epochs"
    assert time.process_time() - start < SECONDS


# Archives: Python's own library is the oracle.
NAMES = some.text(some.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(files=some.dictionaries(NAMES, some.binary(max_size=40), max_size=6), comment=some.binary(max_size=9))
def test_members_agree_with_python_zipfile(files: dict[str, bytes], comment: bytes) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.comment = comment
        for name, data in files.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=len(data) % 2 == 1) as member:
                member.write(data)
        names = archive.namelist()
    data = stream.getvalue()
    if b"PK\x05\x06" in comment:
        return
    members = members_of(data)
    assert list(members) == names
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert all(bytes(members[name].read(data)) == archive.read(name) for name in names)


@given(seed=some.integers(0, 2**32))
def test_a_damaged_archive_is_read_equal_or_refused(seed: int) -> None:
    draw = random.Random(seed)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/data.pkl", b"abc")
        archive.writestr("a/data/0", bytes(40))
    data = bytearray(stream.getvalue())
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    damaged = bytes(data[: draw.choice([len(data), draw.randrange(len(data))])])
    try:
        read = {name: bytes(member.read(damaged)) for name, member in members_of(damaged).items()}
    except ZipError:
        return
    assert set(read.values()) <= {b"abc", bytes(40), b""}
