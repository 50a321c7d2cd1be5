"""TensorBoard's files, read back by a decoder of their format and, where it is installed, by TensorBoard."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import TrainingError, UsageError
from chainrule.events import EpochDone
from chainrule.model import Model
from chainrule.nn import SGD, Dense, Sequential
from chainrule.train.callback import TensorBoard
from chainrule.train.callback.tensorboard import crc32c, event_record, histogram, record, scalar, varint

X = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)


def checksum(data: bytes) -> int:
    """CRC-32C, bit by bit, masked."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data: bytes) -> Iterator[bytes]:
    """The records of a file, with their checksums verified."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12]) == (checksum(data[:8]),)
        assert struct.unpack("<I", data[12 + length : 16 + length]) == (checksum(body),)
        yield body
        data = data[16 + length :]


def number(data: bytes) -> tuple[int, bytes]:
    """An integer in groups of seven bits, and the remaining bytes."""
    value = shift = 0
    while True:
        byte, data = data[0], data[1:]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data


def message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message."""
    fields: dict[int, list[Any]] = {}
    while data:
        key, data = number(data)
        if key & 7 == 0:
            value, data = number(data)
        elif key & 7 == 1:
            value, data = struct.unpack("<d", data[:8])[0], data[8:]
        elif key & 7 == 5:
            value, data = struct.unpack("<f", data[:4])[0], data[4:]
        else:
            length, data = number(data)
            value, data = data[:length], data[length:]
        fields.setdefault(key >> 3, []).append(value)
    return fields


def read_values(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """Step and value of everything in a folder, by tag; a histogram as its message."""
    values_by_tag: dict[str, list[tuple[int, Any]]] = {}
    for path in sorted(folder.iterdir()):
        first, *rest = map(message, records(path.read_bytes()))
        assert first[3] == [b"brain.Event:2"]
        assert first[1][0] > 1.6e9
        for entry in rest:
            for value in map(message, message(entry[5][0])[1]):
                seen = value[2][0] if 2 in value else message(value[5][0])
                values_by_tag.setdefault(value[1][0].decode(), []).append((entry[2][0], seen))
    return values_by_tag


def fitted(folder: Path, **settings: Any) -> Model:
    model = Model(Sequential(Dense(2, "tanh"), Dense(1)), "mse", SGD(0.1))
    board = TensorBoard(str(folder), **settings)
    model.fit(X, X[:, 0], epochs=4, batch_size=5, callbacks=[board], validation=(X, X[:, 0]), verbose=False)
    return model


def test_the_checksum_matches_the_published_value() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


@given(data=st.binary(max_size=80), integer=st.integers(-(2**63), 2**63 - 1))
def test_records_and_integers_round_trip(data: bytes, integer: int) -> None:
    assert list(records(record(data))) == [data]
    assert number(varint(integer)) == (integer % 2**64, b"")


def test_scalars_equal_the_history(tmp_path: Path) -> None:
    model = fitted(tmp_path)
    scalars_by_tag = read_values(tmp_path)
    assert set(scalars_by_tag) == {"loss", "val_loss", "val_r2"}
    for tag, values in scalars_by_tag.items():
        assert values == [(2 * row["epoch"], pytest.approx(row[tag], rel=1e-6)) for row in model.history]


def test_steps_gradients_and_histograms(tmp_path: Path) -> None:
    model = fitted(tmp_path, steps=True, histograms=4, gradients=True)
    scalars_by_tag = read_values(tmp_path)
    assert [step for step, _ in scalars_by_tag["step/loss"]] == list(range(1, 9))
    assert {round(value, 6) for _, value in scalars_by_tag["step/learning_rate"]} == {0.1}
    assert [step for step, _ in scalars_by_tag["gradient/dense1.weight"]] == [2, 4, 6, 8]
    for path, array in model.parameters().items():
        ((step, seen),) = scalars_by_tag[f"parameter/{path}"]
        limits, counts = (np.frombuffer(seen[field][0], "<f8") for field in (6, 7))
        assert step == 8
        facts = (array.min(), array.max(), array.size, array.sum(), (array.astype(float) ** 2).sum())
        assert [seen[field][0] for field in range(1, 6)] == [pytest.approx(fact, rel=1e-6) for fact in facts]
        assert counts.sum() == array.size
        assert len(limits) == len(counts)
        assert limits[-1] >= array.max()


def test_events_before_a_failure_are_kept_and_resume_appends(tmp_path: Path) -> None:
    def careless(event: Any) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise ValueError

    board, run = TensorBoard(str(tmp_path / "logs")), str(tmp_path / "run")
    model = Model(Sequential(Dense(1)), "mse", SGD(0.1))
    with pytest.raises(TrainingError, match="E511"):
        model.fit(X, X[:, 0], epochs=4, batch_size=5, callbacks=[board, careless], run=run, verbose=False)
    model.fit(X, X[:, 0], epochs=4, batch_size=5, callbacks=[board], run=run, resume=True, verbose=False)
    assert len(list((tmp_path / "logs").iterdir())) == 2
    assert {step for step, _ in read_values(tmp_path / "logs")["loss"]} >= {2, 6, 8}


def test_tensorboard_reads_the_files(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    model = fitted(tmp_path, histograms=1)
    read = loader.EventAccumulator(str(tmp_path))
    read.Reload()
    assert [e.value for e in read.Scalars("loss")] == [pytest.approx(row["loss"]) for row in model.history]
    assert sum(read.Histograms("parameter/dense1.weight")[-1].histogram_value.bucket) == 4


@pytest.mark.parametrize(
    "settings", [{"histograms": -1}, {"histograms": 1.5}, {"steps": 1}, {"gradients": None}]
)
def test_invalid_tensorboard_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="E102"):
        TensorBoard("logs", **settings)


def test_an_event_contains_all_its_values() -> None:
    (body,) = records(event_record(1.5, 3, [scalar("a", 0.5), histogram("b", np.arange(4.0))]))
    fields = message(body)
    assert (fields[1], fields[2]) == ([1.5], [3])
    assert len(message(fields[5][0])[1]) == 2
