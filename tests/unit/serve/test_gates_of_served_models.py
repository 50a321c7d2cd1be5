"""Novelty gates behind an address and in the studio: of texts, and of another version of chainrule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main
from chainrule.events import Channel, notices
from chainrule.robustness import stored_gate, with_novelty_gate
from chainrule.train.model_state import NOVELTY_GATE

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import load_models
from chainrule.serve.routes import Application
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

WORDS = "the a good bad book film hotel meal was is very not and quiet slow story end food 3 long".split()
LENGTH = 24
LIKE, FOREIGN = "the book was very good", "Ωμέγα και άλφα 84 93"
UNKNOWN = {"en": "names this row unknown", "zh": "把这一行标为未知"}
OTHER = {"en": "novelty gate was stored by another", "zh": "新颖性界限由 chainrule 的另一个版本保存"}


def texts(count: int, seed: int) -> list[str]:
    """Texts of some words, one more common than the next."""
    draw = np.random.default_rng(seed)
    p = 1 / np.arange(1, len(WORDS) + 1)
    return [" ".join(draw.choice(WORDS, draw.integers(2, 6), p=p / p.sum())) for _ in range(count)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a model of texts with a gate."""
    known = texts(600, 0)
    tokenizer = cr.Tokenizer.learn(known, "character")

    def tokens(rows: list[str]) -> dict[str, np.ndarray]:
        return {"text": cr.pad_sequences(tokenizer.encode_all(rows), LENGTH, truncate=True).values}

    net = cr.Parallel(text=cr.Sequential(cr.Embedding(tokenizer.size, 8), cr.GlobalMaxPool(), cr.Dense(1)))
    model = cr.Model(net, "binary_cross_entropy", cr.Adam(0.02), tokenizer=tokenizer)
    y = np.array(["pos" if "good" in text else "neg" for text in known])
    model.fit(tokens(known), y, epochs=2, seed=0, verbose=False, doctor=False)
    file = tmp_path_factory.mktemp("run") / "model.safetensors"
    cr.Model.of(with_novelty_gate(model.state, tokens(known), tokens(texts(300, 1)))).save(file)
    return str(file)


@pytest.fixture(scope="module")
def server(run: str) -> Iterator[Any]:
    application = Application(load_models([run]), Measurements(), QueueLimits(direct_seconds=0.01))
    guard = application.guarded(Access.at("127.0.0.1", 1, None), Limits())
    yield guard
    guard.close()


def post(server: Any, path: str, text: str, lang: str = "en") -> Any:
    status, content = in_process.post(server, path, {"rows": [{"text": text}]}, lang=lang)
    assert status == 200, content
    return content


def test_the_server_and_the_studio_name_a_foreign_text_unknown(run: str, server: Any) -> None:
    bench = Workbench(run)
    for text, is_unknown in ((LIKE, False), (FOREIGN, True)):
        (served,) = post(server, "/predict", text)["predictions"]
        (displayed,) = bench.predict({"text": text}, "en")["predictions"]
        assert served == displayed
        assert (served["prediction"] == "unknown") == is_unknown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_explanation_of_a_foreign_text_states_that_it_is_unknown(
    run: str, server: Any, lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Workbench(run)
    for text, is_unknown in ((LIKE, False), (FOREIGN, True)):
        file = tmp_path / "rows.csv"
        file.write_text(f"text\n{text}\n", encoding="utf-8")
        printed = {}
        for command in ("attribute", "explain"):
            assert main([command, run, str(file), "--row", "1", "--lang", lang]) == 0
            printed[command] = capsys.readouterr().out
        sections = bench.predict({"text": text}, lang)["sections"]
        printed["studio"] = json.dumps(sections, ensure_ascii=False)
        printed["server"] = post(server, "/explain", text, lang)["text"]
        assert {name: UNKNOWN[lang] in words for name, words in printed.items()} == dict.fromkeys(
            printed, is_unknown
        )


def test_a_gate_of_another_version_is_stated_at_loading_and_with_each_prediction(
    run: str, tmp_path: Path
) -> None:
    state = cr.load(run).state
    gate = stored_gate(state)
    assert gate is not None
    (entry,) = gate.record()["scores"]
    file = tmp_path / "model.safetensors"
    cr.Model.of(replace(state, facts={**state.facts, NOVELTY_GATE: {**entry, "rows": 300}})).save(file)
    received: list[Any] = []
    with notices.deliver_to(Channel([received.append])):  # as a command does
        repository, bench = load_models([str(file)]), Workbench(str(file))
    assert [OTHER["en"] in notice.en for notice in received] == [True]
    application = Application(repository, Measurements(), QueueLimits(direct_seconds=0.01))
    server = application.guarded(Access.at("127.0.0.1", 1, None), Limits())
    for lang, sentence in OTHER.items():
        displayed = bench.predict({"text": FOREIGN}, lang)
        for record in (displayed, *(post(server, path, FOREIGN, lang) for path in ("/predict", "/explain"))):
            assert [sentence in notice for notice in record["notices"]] == [True]
        assert displayed["predictions"][0]["prediction"] != "unknown"
    server.close()


@pytest.mark.parametrize("task", ["classes", "values"])
def test_refused_rows_do_not_change_the_datatype_of_the_predictions(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.random.default_rng(0).normal(size=(300, 2)).astype("f")
    y, loss = (x[:, 0] > 0).astype(int) if task == "classes" else x[:, :1], "cross_entropy"
    net = cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2 if task == "classes" else 1))
    model = cr.Model(net, loss if task == "classes" else "mse", cr.Adam(0.05))
    model.fit(x, y, epochs=3, seed=0, verbose=False, doctor=False)
    file = tmp_path / "net" / "model.safetensors"
    file.parent.mkdir()
    cr.Model.of(with_novelty_gate(model.state, x[:200], x[200:])).save(file)
    application = Application(load_models([str(file)]), Measurements(), QueueLimits(direct_seconds=0.01))
    guard = application.guarded(Access.at("127.0.0.1", 1, None), Limits())
    _, described = in_process.exchange(guard, "GET", "/v2/models/net")
    (datatype,) = [out["datatype"] for out in json.loads(described)["outputs"] if out["name"] == "prediction"]
    for rows in (x[:1], [[90, -90]], [*x[:2], [90, -90]]):
        tensor = {"name": "x", "datatype": "FP32", "shape": [len(rows), 2]}
        body = {"inputs": [{**tensor, "data": np.array(rows, float).ravel().tolist()}]}
        status, content = in_process.post(guard, "/v2/models/net/infer", body)
        assert status == 200, content
        assert content["outputs"][0]["datatype"] == datatype
        np.savez(tmp_path / "rows.npz", x=np.array(rows, "f"))
        assert main(["predict", str(file), str(tmp_path / "rows.npz")]) == 0
        printed = [text.strip('"') for text in capsys.readouterr().out.splitlines()[1:]]
        assert [text[:6] for text in printed] == [text[:6] for text in content["outputs"][0]["data"]]
    guard.close()
