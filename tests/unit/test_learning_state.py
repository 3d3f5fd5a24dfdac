"""An unfinished run as a file: keypoints/learning_state.py."""

import pytest
import torch
from attention_keypoints.keypoints.learning_state import LearningState, digest_of


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def state():
    return LearningState(random(5, 768), random(5, 768, seed=1), random(5, 768, seed=2).square(), 7, [0.5, 1 / 3],
                         {"read_under": random(5, 768, seed=3)})  # fmt: skip


def test_what_is_saved_comes_back_bit_for_bit(state, tmp_path):
    path = tmp_path / "new folder" / "run.safetensors"
    state.save(path, "abc")
    found = LearningState.load(path, "abc")
    for part in ("context", "first", "second"):
        assert torch.equal(getattr(found, part), getattr(state, part))
    assert (found.step, found.losses, found.extra.keys()) == (7, [0.5, 1 / 3], {"read_under"})
    assert torch.equal(found.extra["read_under"], state.extra["read_under"])


def test_a_start_has_moments_of_zero_and_a_context_of_its_own():
    context = random(4, 768)
    state = LearningState.start(context)
    assert (state.step, state.losses) == (0, [])
    assert not state.first.any() and not state.second.any() and state.first.shape == context.shape
    state.context += 1
    assert torch.equal(context, random(4, 768))


def test_the_state_of_another_run_is_not_taken(state, tmp_path):
    state.save(tmp_path / "run", "abc")
    assert LearningState.load(tmp_path / "run", "abd") is None


def test_where_there_is_no_file_there_is_no_state(tmp_path):
    assert LearningState.load(tmp_path / "run", "abc") is None


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_file_that_was_cut_off_is_no_state(state, tmp_path, kept):
    path = tmp_path / "run"
    state.save(path, "abc")
    path.write_bytes(path.read_bytes()[:kept])
    assert LearningState.load(path, "abc") is None


def test_a_file_of_another_kind_is_no_state(tmp_path):
    from safetensors.torch import save_file

    save_file({"context": torch.zeros(2)}, tmp_path / "run")
    assert LearningState.load(tmp_path / "run", "abc") is None


def test_writing_that_fails_leaves_the_earlier_state_and_nothing_else(state, tmp_path, monkeypatch):
    path = tmp_path / "run"
    state.save(path, "abc")
    state.step = 8

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        state.save(path, "abc")
    assert LearningState.load(path, "abc").step == 7
    assert [one.name for one in tmp_path.iterdir()] == ["run"]


def test_the_digest_is_the_same_for_the_same_parts_and_another_for_others():
    parts = [random(2, 3), {"a": 1, "b": (1.5, "x")}, 4]
    others = [
        [random(2, 3, seed=1), *parts[1:]],
        [random(2, 3).reshape(3, 2), *parts[1:]],
        [parts[0], {"a": 1, "b": (1.5, "y")}, 4],
        [parts[0], parts[1], 5],
    ]
    assert digest_of(*parts) == digest_of(random(2, 3), {"b": (1.5, "x"), "a": 1}, 4)
    assert len({digest_of(*each) for each in [parts, *others]}) == 5
