"""Graphs of inference engines: made, carried, and giving what Keras gives."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring import build
from kerasdr.scoring.build import build_graphs, rebuild
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, begin
from kerasdr.scoring.engines import EngineName, choose_engine, make_engine
from kerasdr.scoring.graphs import GRAPH_ENGINES, GraphEngine

SIZE = 64
ENSEMBLE = (
    ("dual", ModelSpec(trunk="tiny", weights="none", head_units=(16,), mode="dual", attention="cbam"), "clahe-crop"),
    ("single", ModelSpec(trunk="tiny", weights="none", head="linear", head_norm=True), "none"),
)


def network_of(spec: ModelSpec, seed: int = 3, size: int = SIZE) -> Any:
    """An untrained network whose grades differ, statistics of batch normalisation and all."""
    from kerasdr.models import build_classifier

    network = build_classifier(spec, size, seed=seed)
    random = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.path.endswith(("moving_mean", "moving_variance", "gamma", "beta")):
            weight.assign(np.asarray(weight) + random.uniform(0.01, 0.2, weight.shape).astype(np.float32))
    logits = network.get_layer("logits")
    logits.kernel.assign(logits.kernel * 30.0)
    return network


def bundle_of(folder: Path, members: Any = ENSEMBLE) -> Bundle:
    from kerasdr.models import get_weights

    made = [
        BundleMember(name, spec, get_recipe(recipe, SIZE), get_weights(network_of(spec, seed)))
        for seed, (name, spec, recipe) in enumerate(members)
    ]
    ensemble = EnsembleSpec("soft", (1 / len(made),) * len(made))
    write_bundle(folder, name="real-1", members=made, ensemble=ensemble, validation={})
    return load_bundle(folder)


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with graphs for both engines."""
    folder = tmp_path_factory.mktemp("graphs") / "bundle"
    bundle_of(folder)
    return rebuild(folder, GRAPH_ENGINES)


@pytest.fixture(scope="module")
def batch(good: list[bytes]) -> Batch:
    """Seven photographs, which fill no whole number of fours; the last has no partner."""
    images = [
        np.stack([prepare(data, get_recipe(recipe, SIZE)).image for data in good[:7]]) for _, _, recipe in ENSEMBLE
    ]
    partners = [np.concatenate([array[1:], np.zeros_like(array[:1])]) for array in images]
    return Batch(images, {"both-eyes": partners}, {"both-eyes": np.arange(7) < 6})


def places(batch: Batch, chosen: list[int]) -> Batch:
    return Batch(
        [array[chosen] for array in batch.images],
        {key: [array[chosen] for array in arrays] for key, arrays in batch.partners.items()},
        {key: array[chosen] for key, array in batch.present.items()},
    )


@pytest.mark.parametrize("engine", GRAPH_ENGINES)
def test_an_engine_gives_what_keras_gives(engine: GraphEngine, carrying: Bundle, batch: Batch) -> None:
    ours = make_engine(carrying, 7, engine=engine).predict(batch)
    keras = make_engine(carrying, 7, engine="keras").predict(batch)
    assert ours.probabilities == pytest.approx(keras.probabilities, abs=1e-5)
    assert ours.probabilities.std(axis=0).max() > 0.01  # photographs differ, so the comparison says something
    assert ours.heatmaps is not None and keras.heatmaps is not None
    assert ours.heatmaps == pytest.approx(keras.heatmaps, abs=1e-3)
    plain = make_engine(carrying, 7, gradcam=False, engine=engine).predict(batch)
    assert plain.heatmaps is None
    assert plain.probabilities == pytest.approx(ours.probabilities, abs=1e-6)


@pytest.mark.parametrize("cores", [1, 3])
def test_answers_do_not_hang_on_what_else_is_graded(cores: int, carrying: Bundle, batch: Batch) -> None:
    whole = make_engine(carrying, 7, engine="openvino").predict(batch)
    engine = make_engine(carrying, 7, engine="openvino", cores=cores)
    for chosen in ([4], [6, 0, 4], [4, 4, 4, 4, 4, 4, 4]):
        part = engine.predict(places(batch, chosen))
        assert np.array_equal(part.probabilities, whole.probabilities[chosen])
        assert part.heatmaps is not None and whole.heatmaps is not None
        assert np.array_equal(part.heatmaps, whole.heatmaps[chosen])


def test_the_bundle_says_what_it_carries(carrying: Bundle) -> None:
    assert set(carrying.graphs) == {"openvino", "onnxruntime"}
    for engine, graphs in carrying.graphs.items():
        assert graphs.made_with.startswith(f"{engine} ") and graphs.precision == "float32"
        assert 0 < graphs.difference["probabilities"] < 1e-4 and 0 < graphs.difference["heatmaps"] < 1e-3


def test_the_same_network_is_the_same_graph(carrying: Bundle) -> None:
    again = build_graphs(carrying, "openvino")
    for name, graph in again.members.items():
        assert graph.read() == carrying.graphs["openvino"].members[name].read()
        assert graph.digest == carrying.graphs["openvino"].members[name].digest


def test_rebuilding_keeps_weights_and_the_other_engines_graphs(tmp_path: Path) -> None:
    before = bundle_of(tmp_path / "b", ENSEMBLE[1:])
    weights = dict(before.members[0].weights)
    first = rebuild(tmp_path / "b", ["onnxruntime"])
    onnx = first.graphs["onnxruntime"].members["single"].read()
    second = rebuild(tmp_path / "b", ["openvino"])
    assert set(second.graphs) == {"onnxruntime", "openvino"}
    assert len({before.digest, first.digest, second.digest}) == 3
    assert all(np.array_equal(second.members[0].weights[name], array) for name, array in weights.items())
    assert second.graphs["onnxruntime"].members["single"].read() == onnx


@pytest.mark.parametrize("file", ["single.xml", "single.bin"])
def test_a_changed_graph_is_refused(file: str, carrying: Bundle, tmp_path: Path) -> None:
    bundle_of(tmp_path / "b", ENSEMBLE[1:])
    rebuild(tmp_path / "b", ["openvino"])
    path = tmp_path / "b" / "graphs" / "openvino" / file
    data = bytearray(path.read_bytes())
    loaded = load_bundle(tmp_path / "b")
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(KerasdrError, match=rf"bundle .*: graphs/openvino/{file} was changed since it was written"):
        load_bundle(tmp_path / "b")
    # Read when it is asked for, it is checked again.
    with pytest.raises(KerasdrError, match=rf"bundle .*: graphs/openvino/{file} was changed since it was written"):
        loaded.graphs["openvino"].members["single"].read()


def test_a_graph_that_differs_from_keras_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundle_of(tmp_path / "b", ENSEMBLE[1:])
    convert = build._convert

    def other(network: Any, engine: GraphEngine) -> Any:
        logits = network.get_layer("logits")
        kept = logits.get_weights()
        logits.set_weights([kept[0] * 1.01, kept[1]])
        made = convert(network, engine)
        logits.set_weights(kept)
        return made

    monkeypatch.setattr(build, "_convert", other)
    with pytest.raises(
        KerasdrError, match=r"the graph of single for openvino differs from Keras by .* in probabilities"
    ):
        rebuild(tmp_path / "b", ["openvino"])
    assert load_bundle(tmp_path / "b").digest == bundle.digest


def test_a_graph_that_gives_no_numbers_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle_of(tmp_path / "b", ENSEMBLE[1:])
    monkeypatch.setattr(build, "_difference", lambda *_: {"probabilities": 0.0, "heatmaps": float("nan")})
    with pytest.raises(KerasdrError, match=r"differs from Keras by 0\.0e\+00 in probabilities, nan in heatmaps"):
        rebuild(tmp_path / "b", ["openvino"])


def test_engines_are_chosen_by_what_is_there(carrying: Bundle, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_engine(carrying) == "openvino"
    assert choose_engine(bundle) == "keras"
    assert choose_engine(carrying, "keras") == "keras"
    absent = {"openvino"}
    monkeypatch.setattr("kerasdr.scoring.engines._installed", lambda name: name not in absent)
    assert choose_engine(carrying) == "onnxruntime"
    with pytest.raises(
        KerasdrError, match="the engine openvino is not installed: pip install kerasdr, or take another"
    ):
        choose_engine(carrying, "openvino")
    with pytest.raises(KerasdrError, match="the engine openvino is not installed"):
        build_graphs(carrying, "openvino")
    absent.add("onnxruntime")
    assert choose_engine(carrying) == "keras"
    absent.add("tensorflow")
    with pytest.raises(KerasdrError, match="the engine keras is not installed: pip install kerasdr"):
        make_engine(carrying)


def test_a_missing_engine_is_told_before_the_graphs_that_it_would_run(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasdr.scoring.engines._installed", lambda name: name != "onnxruntime")
    said = r"^the engine onnxruntime is not installed: pip install 'kerasdr\[onnxruntime\]', or take another --engine$"
    with pytest.raises(KerasdrError, match=said):
        choose_engine(bundle, "onnxruntime")


def test_a_bundle_without_graphs_says_how_to_make_them(bundle: Bundle) -> None:
    with pytest.raises(
        KerasdrError, match=r"fake-1@.* has no graphs for the engine openvino: make them with `kerasdr bu"
    ):
        make_engine(bundle, engine="openvino")


def test_a_processor_without_avx_is_told_what_to_do(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasdr.scoring.engines.missing_instructions", lambda needed: list(needed))
    with pytest.raises(KerasdrError, match="this processor has no AVX, which TensorFlow needs: make graphs on another"):
        choose_engine(bundle)


def test_graphs_of_lower_precision_are_not_passed_over(carrying: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    lower = dict(carrying.graphs) | {"openvino": replace(carrying.graphs["openvino"], precision="int8")}
    bundle = replace(carrying, graphs=lower)
    assert choose_engine(bundle) == "openvino"
    monkeypatch.setattr("kerasdr.scoring.engines._installed", lambda name: name != "openvino")
    with pytest.raises(KerasdrError, match="the engine openvino is not installed"):
        choose_engine(bundle)
    assert choose_engine(bundle, "keras") == "keras"


def test_what_a_converter_raises_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundle_of(tmp_path / "b", ENSEMBLE[1:])

    def fail(network: Any) -> Any:
        raise ValueError("no such operation\nand a long story")

    monkeypatch.setattr("kerasdr.models.export.to_openvino", fail)
    said = r"a graph for openvino cannot be made \(ValueError: no such operation\): leave openvino out"
    with pytest.raises(KerasdrError, match=said):
        build_graphs(bundle, "openvino")
    monkeypatch.setattr("kerasdr.scoring.engines._installed", lambda name: name != "tf2onnx")
    with pytest.raises(
        KerasdrError, match=r"the engine onnxruntime is not installed: pip install 'kerasdr\[onnxruntime\]'"
    ):
        build_graphs(bundle, "onnxruntime")


def test_two_builds_do_not_lose_each_others_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle_of(tmp_path / "b", ENSEMBLE[1:])
    make = build.build_graphs

    def slow(bundle: Bundle, engine: GraphEngine) -> Any:
        made = make(bundle, engine)
        if engine == "openvino":  # another build ends while this one is at work
            rebuild(tmp_path / "b", ["onnxruntime"])
        return made

    monkeypatch.setattr(build, "build_graphs", slow)
    with pytest.raises(KerasdrError, match="was changed while graphs were made for it: give the command again"):
        rebuild(tmp_path / "b", ["openvino"])
    assert set(load_bundle(tmp_path / "b").graphs) == {"onnxruntime"}


def test_a_bundle_that_was_replaced_says_so(tmp_path: Path) -> None:
    loaded = bundle_of(tmp_path / "b", ENSEMBLE[1:])
    rebuild(tmp_path / "b", ["openvino"])
    with pytest.raises(KerasdrError, match="it was replaced by another since it was loaded: give the command again"):
        dict(loaded.members[0].weights)


def test_an_exception_leaves_the_engine_fit_for_use(
    carrying: Bundle, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring import engine_openvino as module

    engine = make_engine(carrying, 7, engine="openvino")
    whole = engine.predict(batch)
    filled, calls = module._filled, iter(range(100))

    def interrupted(array: np.ndarray) -> np.ndarray:
        if next(calls) == 4:  # the first photographs are with the network already
            raise KeyboardInterrupt
        return filled(array)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_filled", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.predict(batch)
    assert np.array_equal(engine.predict(batch).probabilities, whole.probabilities)


def test_threads_may_share_an_engine(carrying: Bundle, batch: Batch) -> None:
    engine = make_engine(carrying, 7, engine="openvino")
    whole = engine.predict(batch).probabilities
    orders = [np.random.default_rng(seed).permutation(7).tolist() for seed in range(24)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda order: engine.predict(places(batch, order)).probabilities, orders))
    assert all(np.array_equal(answer, whole[order]) for answer, order in zip(answers, orders, strict=True))


@pytest.mark.parametrize("name", ["openvino", "onnxruntime", "keras"])
def test_batches_that_were_begun_are_answered_in_any_order(name: EngineName, carrying: Bundle, batch: Batch) -> None:
    engine = make_engine(carrying, 7, engine=name)
    orders = [[0, 1, 2, 3, 4, 5, 6], [6, 2], [3, 1, 5, 4, 0]]
    expected = [engine.predict(places(batch, order)) for order in orders]
    begun = [begin(engine, places(batch, order)) for order in orders]
    for output, one in reversed(list(zip(expected, begun, strict=True))):
        answer = one.result()
        assert answer.heatmaps is not None and output.heatmaps is not None
        assert np.array_equal(answer.probabilities, output.probabilities)
        assert np.array_equal(answer.heatmaps, output.heatmaps)


def test_a_batch_that_is_given_up_is_not_graded_and_leaves_the_engine_fit_for_use(
    carrying: Bundle, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring import engine_openvino as module

    engine = make_engine(carrying, 7, engine="openvino", cores=1)
    whole = engine.predict(batch).probabilities
    filled, go, asked = module._filled, threading.Event(), []

    def held(array: np.ndarray) -> np.ndarray:
        asked.append(len(array))
        assert go.wait(60)
        return filled(array)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_filled", held)
        first, second = begin(engine, batch), begin(engine, batch)
        second.cancel()
        go.set()
        assert np.array_equal(first.result().probabilities, whole)
        with pytest.raises(CancelledError):
            second.result()
    # Of the first batch alone: two parts of each network, the dual one's with three inputs.
    assert len(asked) == 2 * (3 + 1)
    assert np.array_equal(engine.predict(batch).probabilities, whole)


def test_too_large_a_batch_is_refused_before_anything_is_begun(carrying: Bundle, batch: Batch) -> None:
    with pytest.raises(ValueError, match="an engine for 6 photographs at a time was given 7"):
        begin(make_engine(carrying, 6, engine="openvino"), batch)


@pytest.mark.parametrize("engine", GRAPH_ENGINES)
def test_a_graph_that_cannot_be_read_says_how_to_make_it_again(engine: GraphEngine, tmp_path: Path) -> None:
    bundle_of(tmp_path / "b", ENSEMBLE[1:])
    bundle = rebuild(tmp_path / "b", [engine])
    ending = {"openvino": "xml", "onnxruntime": "onnx"}[engine]
    (tmp_path / "b" / "graphs" / engine / f"single.{ending}").write_bytes(b"<net version='99'/>")
    graphs = bundle.graphs[engine].members["single"]
    whole = [b"<net version='99'/>"] if engine == "onnxruntime" else [b"<net version='99'/>", b""]
    object.__setattr__(graphs, "read", lambda: tuple(whole))
    object.__setattr__(graphs, "digest", "0" * 64)
    with pytest.raises(
        KerasdrError, match=rf"{engine} .* cannot read the model's graph: make it again with `kerasdr b"
    ):
        make_engine(bundle, engine=engine)


def cache_files() -> list[Path]:
    return sorted(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.blob"))


def test_compiled_networks_are_kept(
    carrying: Bundle, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = make_engine(carrying, 7, engine="openvino").predict(batch)
    kept = cache_files()
    assert len(kept) == 2
    # Written by renaming a new file, so one that stays has its number.
    numbers = [path.stat().st_ino for path in kept]
    # From the cache: the graphs themselves are not even read.
    for graph in carrying.graphs["openvino"].members.values():
        monkeypatch.setitem(graph.__dict__, "read", lambda: pytest.fail("read again"))
    again = make_engine(carrying, 7, engine="openvino").predict(batch)
    assert np.array_equal(again.probabilities, first.probabilities)
    assert [path.stat().st_ino for path in cache_files()] == numbers


def test_what_was_not_used_for_longest_goes(carrying: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_engine(carrying, 7, engine="openvino", cores=1)
    first = cache_files()
    for path in first:
        os.utime(path, (1e9, 1e9))
    limit = sum(path.stat().st_size for path in first) * 3 // 2
    monkeypatch.setattr("kerasdr.scoring.compiled._LARGEST", limit)
    make_engine(carrying, 7, engine="openvino", cores=1)  # used again
    make_engine(carrying, 7, gradcam=False, engine="openvino", cores=1)
    kept = cache_files()
    assert len(set(kept) & set(first)) < 2  # made room for those that were compiled later
    assert 0 < sum(path.stat().st_size for path in kept) <= limit


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]])
def test_a_damaged_cache_is_made_again(
    spoil: Callable[[bytes], bytes], carrying: Bundle, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = make_engine(carrying, 7, engine="openvino").predict(batch)
    whole = {path: path.read_bytes() for path in cache_files()}
    for path, data in whole.items():
        path.write_bytes(spoil(data))
    again = make_engine(carrying, 7, engine="openvino").predict(batch)
    assert np.array_equal(again.probabilities, first.probabilities)
    # Written anew, and whole.
    for path, data in whole.items():
        kept = path.read_bytes()
        assert kept != spoil(data) and hashlib.sha256(kept[32:]).digest() == kept[:32]


def test_a_cache_that_can_only_be_read_is_used(
    carrying: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_engine(carrying, 7, engine="openvino")

    def refuse(*arguments: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("kerasdr.scoring.compiled.os.utime", refuse)
    monkeypatch.setattr("kerasdr.scoring.compiled.compile_network", lambda *arguments: pytest.fail("compiled again"))
    make_engine(carrying, 7, engine="openvino")


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    carrying: Bundle, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert make_engine(carrying, 7, engine="openvino").predict(batch).probabilities.shape == (7, 5)


def test_manifest_tells_of_graphs_in_plain_words(tmp_path: Path) -> None:
    bundle_of(tmp_path / "b", ENSEMBLE[1:])
    rebuild(tmp_path / "b", ["openvino"])
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert set(manifest["graphs"]["openvino"]) == {"made_with", "precision", "difference", "validation_kappa"}
    shutil.rmtree(tmp_path / "b" / "graphs")
    with pytest.raises(KerasdrError, match=r"graphs/openvino/single\.bin is missing"):
        load_bundle(tmp_path / "b")
