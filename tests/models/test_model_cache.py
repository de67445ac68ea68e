from pathlib import Path

import pytest
import torch
from torch import nn

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.cache import Cache
from onecurve.models.metering import Metered
from onecurve.models.weights import write_state

KEY = "0123456789abcdef" * 2


def test_what_is_kept_is_found_again_buffers_included(tmp_path: Path, tiny: nn.Module) -> None:
    tiny.norm1.running_mean.fill_(0.5)
    Cache(tmp_path).keep(KEY, tiny)
    state = Cache(tmp_path).network(KEY)
    assert state is not None
    assert state.keys() == tiny.state_dict().keys()
    assert all(torch.equal(values, state[key]) for key, values in tiny.state_dict().items())
    tiny.load_state_dict(state)


def test_a_metered_network_is_kept_bare(tmp_path: Path, tiny: nn.Module) -> None:
    Cache(tmp_path).keep(KEY, Metered(tiny, Meter(Budget(1))))
    state = Cache(tmp_path).network(KEY)
    assert state is not None
    assert state.keys() == tiny.state_dict().keys()


def test_an_unknown_key_and_a_damaged_file_are_absent(tmp_path: Path, tiny: nn.Module) -> None:
    cache = Cache(tmp_path)
    assert cache.network(KEY) is None
    cache.keep(KEY, tiny)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:100])
    assert cache.network(KEY) is None
    cache.keep(KEY, tiny)
    assert cache.network(KEY) is not None


def test_keeping_twice_leaves_one_whole_file_and_no_leavings(tmp_path: Path, tiny: nn.Module) -> None:
    for _ in range(2):
        Cache(tmp_path).keep(KEY, tiny)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEY}.safetensors"]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a/b", "a.b", "a" * 200])
def test_keys_that_could_be_paths_are_refused(tmp_path: Path, tiny: nn.Module, key: str) -> None:
    with pytest.raises(ModelError, match="a cache key is"):
        Cache(tmp_path).network(key)
    with pytest.raises(ModelError, match="a cache key is"):
        Cache(tmp_path).keep(key, tiny)


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path, tiny: nn.Module) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="set ONECURVE_CACHE"):
        Cache(tmp_path / "file").keep(KEY, tiny)


def test_a_flipped_byte_is_noticed_and_said_and_a_file_of_an_earlier_version_is_taken_as_it_is(tmp_path: Path, tiny: nn.Module) -> None:
    Cache(tmp_path).keep(KEY, tiny)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    cache = Cache(tmp_path)
    assert cache.network(KEY) is None
    assert cache.healed == [f"the cached network {file} is damaged; it is trained again"]
    write_state(file, tiny.state_dict())
    assert Cache(tmp_path).network(KEY) is not None
