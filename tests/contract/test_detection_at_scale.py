"""Detecting in many pictures through the host's own model: memory that does not grow, Cancel, interrupted folders."""

import gc

import comfy.model_management
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.benchmarks.measure import resident_bytes, return_free_memory
from attention_keypoints.keypoints.detection import PIECE, detect_pictures
from attention_keypoints.keypoints.folder_detection import FolderDetection, Settings
from attention_keypoints.keypoints.piece_file import PieceFile
from attention_keypoints.keypoints.tokens import KeypointTokens
from attention_keypoints.nodes import detect_keypoints
from PIL import Image

SIDE, MAP = 32, 48
# Of one of the first layers: the forward pass ends there.
TOKENS = KeypointTokens(
    torch.randn(6, 768, generator=torch.Generator().manual_seed(5)), (4, 0, 2, 5), ("a", "b", "c", "d"),
    layers=("input.1",), t=100, map_size=MAP,
)  # fmt: skip
MIB = 2**20


@pytest.fixture(scope="module")
def narrow(make_twin):
    """The narrowest UNet that torch's group norms allow."""
    return make_twin(32, (1, 1, 1, 1))


@pytest.fixture
def source(narrow, vae):
    return host.Source(narrow.host_model(), vae)


def some_pictures(count):
    return torch.rand(count, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(3))


def tensor_bytes():
    """What all tensors that Python knows take, those that share memory counted once."""
    gc.collect()
    found = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor) and one.device.type == "cpu"]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in found}.values())


def test_two_thousand_pictures_take_no_more_memory_than_two_hundred(source):
    """The maps of 1800 pictures would take 63 MiB more, a scaled copy of the pictures 21 MiB."""
    images, held = some_pictures(2000), []
    looks = [190, 1990]

    def look(done, total):
        if looks and done * len(images) // total >= looks[0]:
            looks.pop(0)
            return_free_memory()
            held.append((tensor_bytes(), resident_bytes()))

    detect_pictures(source, images, TOKENS, on_progress=look, keep_maps=False)
    few, many = held
    assert many[0] - few[0] < 0.3 * MIB  # the keypoints themselves: 52 bytes for each picture, 91 KiB
    assert many[1] - few[1] < 10 * MIB


def test_a_picture_is_found_alike_in_a_batch_of_any_size(source):
    images = some_pictures(40)
    whole, maps = detect_pictures(source, images, TOKENS, augmentations=1)
    part, part_maps = detect_pictures(source, images[35:], TOKENS, augmentations=1, first=35)
    torch.testing.assert_close(maps[35:], part_maps, rtol=0, atol=1e-5)
    torch.testing.assert_close(whole.score[35:], part.score, rtol=0, atol=1e-5)


def test_progress_is_told_after_every_call_of_a_model(source):
    done = []
    detect_pictures(source, some_pictures(20), TOKENS, augmentations=3, on_progress=lambda *told: done.append(told))
    assert [total for _, total in done] == [2 * 20 * 4] * len(done)
    counts = [0] + [count for count, _ in done]
    assert counts[-1] == 160 and max(b - a for a, b in zip(counts, counts[1:], strict=False)) == 8


@pytest.mark.parametrize("calls", [1, 10])
def test_cancel_stops_within_a_piece_and_leaves_the_model_as_it_was(source, unchanged, calls):
    """The first call encodes; the tenth, of the first piece's sixteen, reads."""
    seen, reporter = [], detect_keypoints.Reporter(200)

    def progress(done, total):
        seen.append(done)
        if len(seen) == calls:
            comfy.model_management.interrupt_current_processing()
        reporter.progress(done, total)

    with unchanged(source.model), pytest.raises(comfy.model_management.InterruptProcessingException):
        detect_pictures(source, some_pictures(200), TOKENS, augmentations=3, on_progress=progress)
    assert len(seen) == calls


def test_the_node_says_how_fast_it_was(source, vae):
    out = detect_keypoints.DetectKeypoints.execute(source.model, vae, some_pictures(3), TOKENS, 0)
    (text,) = out.ui.as_dict()["text"]
    assert text.startswith("3 pictures in ") and text.endswith(" per second.")


def test_maps_that_are_too_large_to_keep_are_read_when_they_are_asked_for(source, vae, monkeypatch):
    def execute():
        return detect_keypoints.DetectKeypoints.execute(source.model, vae, some_pictures(5), TOKENS, 1).result

    keypoints, kept = execute()
    monkeypatch.setattr(detect_keypoints, "MOST_MAP_BYTES", 5 * 4 * MAP * MAP * 4 - 1)
    same, on_demand = execute()
    assert torch.equal(same.xy, keypoints.xy)
    assert "maps" not in vars(on_demand) and on_demand.names == kept.names
    torch.testing.assert_close(on_demand.maps, kept.maps, rtol=0, atol=1e-6)
    torch.testing.assert_close(on_demand.pick([2, 0]).maps, kept.maps[:, [2, 0]], rtol=0, atol=1e-6)
    assert str(on_demand) == str(kept)


def test_a_folder_that_was_interrupted_ends_bitwise_as_one_that_was_not(source, tmp_path):
    for number, image in enumerate(some_pictures(PIECE + 4)):
        pixels = (255 * image).byte().numpy()
        Image.fromarray(pixels).resize((SIDE, SIDE + 16 * (number % 5 == 0))).save(tmp_path / f"{number:02}.png")

    def run(name, on_picture=lambda done: None):
        with PieceFile(tmp_path / name) as unfinished:
            return FolderDetection(tmp_path, TOKENS, Settings(augmentations=1), unfinished).run(source, on_picture)

    def stop(done):
        if done > PIECE:
            raise KeyboardInterrupt

    expected = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("stopped", stop)
    found = run("stopped")
    assert found.files == expected.files and found.sizes == expected.sizes
    assert torch.equal(found.keypoints.xy, expected.keypoints.xy)
    assert (tmp_path / "stopped").read_bytes() == (tmp_path / "whole").read_bytes()
