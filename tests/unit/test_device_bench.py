"""The device benchmark compares like with like: its peers rank as the release does, its processes really rank."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from client.device.runtime import Runtime
from models.export import export_release
from models.graph import build_graph
from models.quantize import quantized
from models.streams import stream
from simulations.benchmarks.device import FROM_CACHE, FROM_MEMORY, Times, bandwidth, made, opened
from simulations.benchmarks.device_accuracy import Accuracy
from simulations.benchmarks.device_memory import UNKNOWN, Memory, last_cache
from simulations.benchmarks.device_peers import Rank, by_numpy, by_torch
from simulations.benchmarks.device_start import MeasurementFailed, starts, write_signed
from simulations.benchmarks.device_store import kept

ITEMS, K = 300, 10
PARAMS, CATALOGUE = made(ITEMS, 4, 12, seed=1)


@pytest.mark.parametrize("peer", [by_numpy, by_torch])
def test_a_peer_ranks_and_explains_as_the_graph_of_the_same_tables(peer: Callable[..., Rank]) -> None:
    runtime, rank = Runtime(build_graph(PARAMS)), peer(quantized(PARAMS), k=K)
    for call in range(5):
        history = stream(call, "met").permutation(ITEMS)[:20]
        wanted = runtime.rank(
            history, ages=np.arange(20)[::-1], kinds=np.ones(20), deltas={}, seen=history, k=K
        )
        items, events = rank(history)
        assert items.tolist() == wanted.items.tolist()
        np.testing.assert_allclose(events, wanted.events, atol=1e-4)


def test_a_first_and_a_later_start_open_a_signed_folder_and_rank(tmp_path: Path) -> None:
    write_signed(export_release(PARAMS, CATALOGUE), tmp_path / "release")
    assert opened(tmp_path / "release").name == "bench/1"
    found = starts(tmp_path / "release", tmp_path / "homes" / "one", later=1)
    assert set(found) == {"first start", "later start"}
    assert all(value > 0 for start in found.values() for value in start.values())
    with pytest.raises(MeasurementFailed, match="later ones for the person"):
        starts(tmp_path / "release", tmp_path / "homes" / "one", later=0)
    (tmp_path / "release" / "model.onnx").write_bytes(b"")
    with pytest.raises(MeasurementFailed):
        starts(tmp_path / "release", tmp_path / "homes" / "two", later=0)


def test_the_interval_says_when_int8_stands_outside_it() -> None:
    assert "within its interval" in Accuracy(0.08, 0.081, -0.001, 0.002).statement()
    assert "OUTSIDE its interval" in Accuracy(0.08, 0.07, -0.012, -0.008).statement()


def test_the_store_and_its_bare_parts_are_measured_on_as_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.benchmarks.device_store.EVENTS", 200)
    monkeypatch.setattr("simulations.benchmarks.device_store.REPEATS", 1)
    found = kept()
    assert min(found.write, found.read, found.bare_write, found.bare_read) > 0
    assert "200 events: written in" in found.statement()


def test_the_last_cache_is_the_largest_that_the_system_tells(tmp_path: Path) -> None:
    for index, size in enumerate(("32K", "1024K", "32M")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n")
    assert last_cache(tmp_path) == 32 * 2**20
    (tmp_path / "index2" / "size").write_text("unsaid\n")
    assert last_cache(tmp_path) == last_cache(tmp_path / "nowhere") == UNKNOWN


def test_a_read_from_memory_comes_to_no_stretch_twice_before_the_caches_have_seen_many_times_their_size() -> (
    None
):
    memory = Memory(2**16)
    memory._words[:] = np.arange(len(memory._words))
    read, size = memory.reader(2**12), 2**12
    turns = memory.bytes // size
    assert memory.bytes == 8 * 2**16
    found = [int(str(read(turn))) for turn in range(turns)]
    assert len(set(found)) == turns
    assert sum(found) == memory._words.sum()
    assert int(str(read(turns))) == found[0]


def test_a_ranking_is_held_against_the_memory_and_against_the_cache_by_name() -> None:
    def calls(best: float, middle: float) -> Times:
        return Times(np.array([best, middle, middle]), middle)

    run = {"graph": calls(300, 400), FROM_MEMORY: calls(150, 200), FROM_CACHE: calls(75, 80)}
    said = bandwidth("graph", [{**run, "graph, caches swept": calls(900, 1000)}])
    assert "2.00 times (2.00 at best) the read of its table from the memory (target 3.3)" in said
    assert "5.00 times (4.00 at best) the read from the cache" in said
    assert "swept 5.00 times (6.00 at best)" in said
