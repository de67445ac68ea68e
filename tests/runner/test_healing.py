"""Damaged networks: the cache mends itself and says so, a run takes the same network from the cache or refuses."""

from pathlib import Path

import pytest
from tiny_world import named, suite_of

from onecurve.core.digests import digest_of
from onecurve.core.errors import DataError
from onecurve.runner.run import Place, plant_suite


class Heard:
    """A display that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def phase(self, words: str, total: int) -> None: ...
    def done(self, steps: int, failed: bool) -> None: ...
    def running(self, jobs: object) -> None: ...
    def say(self, words: str) -> None:
        self.said.append(words)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 4
    path.write_bytes(content)


def planted(out: Path, cache: Path) -> list[str]:
    heard = Heard()
    plant_suite(suite_of(*named("Random")), Place(out, cache, 2), heard)
    return heard.said


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of its own, because it is damaged."""
    folder = tmp_path_factory.mktemp("own-cache")
    planted(folder / "first", folder)
    return folder


def test_a_damaged_network_of_the_cache_is_planted_again_and_named(cache: Path, tmp_path: Path) -> None:
    kept = sorted((cache / "networks").iterdir())
    before = [digest_of(place / "subject" / "network.safetensors") for place in kept]
    damaged = kept[0] / "subject" / "network.safetensors"
    flip(damaged)
    said = planted(tmp_path / "out", cache)
    assert any(str(damaged) in words and str(kept[0]) in words and "planted again" in words for words in said)
    assert [digest_of(place / "subject" / "network.safetensors") for place in kept] == before
    assert not any("planted again" in words for words in planted(tmp_path / "second", cache))


def test_damaged_weights_of_the_cache_are_trained_again_and_named(cache: Path, tmp_path: Path) -> None:
    twins = sorted((cache / "weights" / "networks").rglob("*.safetensors"))
    before = [digest_of(weights) for weights in twins]
    for weights in (*twins, *(place / "subject" / "network.safetensors" for place in (cache / "networks").iterdir())):
        flip(weights)
    said = planted(tmp_path / "out", cache)
    for weights in twins:
        assert any(str(weights) in words and "trained again" in words for words in said)
    assert [digest_of(weights) for weights in twins] == before


def test_a_damaged_network_of_a_run_comes_from_the_cache_again(cache: Path, tmp_path: Path) -> None:
    planted(tmp_path / "out", cache)
    damaged = tmp_path / "out" / "networks" / "net-1" / "sealed" / "heldout.safetensors"
    before = digest_of(damaged)
    flip(damaged)
    said = planted(tmp_path / "out", cache)
    assert any(str(damaged) in words and "replaced" in words for words in said)
    assert digest_of(damaged) == before


def test_a_damaged_network_of_a_run_that_the_cache_lacks_is_refused(cache: Path, tmp_path: Path) -> None:
    planted(tmp_path / "out", cache)
    damaged = tmp_path / "out" / "networks" / "net-1" / "subject" / "network.safetensors"
    flip(damaged)
    with pytest.raises(DataError, match="damaged") as caught:
        planted(tmp_path / "out", tmp_path / "empty")
    assert str(damaged) in str(caught.value)
    assert caught.value.hint
