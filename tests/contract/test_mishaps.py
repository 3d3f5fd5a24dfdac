"""Cancel, errors and lack of memory in the middle of a reading: the host is left as it was."""

import comfy.model_management
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.maps import averaged_maps
from attention_keypoints.attention.reader import read_maps

Cancelled = comfy.model_management.InterruptProcessingException


def press_cancel():
    comfy.model_management.interrupt_current_processing()


def read_four(model, seeded, on_batch=lambda done: None):
    latents = seeded(4, 4, 8, 8)
    with host.open_unet(model, latents.shape) as unet:
        return read_maps(unet, latents, seeded(1, 5, 768, seed=2), size=(8, 8), batch=1, on_batch=on_batch)


def with_mishap(model, mishap):
    """A clone whose seventh block does `mishap` in the middle of a pass."""
    foreign = model.clone()

    def patch(q, k, v, extra_options):
        mishap()
        return q

    foreign.set_model_attn2_replace(patch, "input", 8)
    return foreign


def test_cancel_between_batches_stops_there_and_leaves_the_host_as_it_was(model, seeded, sampled, unchanged):
    before, done = sampled(model), []
    progress = host.Progress(4)

    def on_batch(count):
        done.append(count)
        if count == 2:
            press_cancel()
        progress(count)

    with unchanged(model), pytest.raises(Cancelled):
        read_four(model, seeded, on_batch)
    assert done == [1, 2]
    assert torch.equal(sampled(model), before)


def test_cancel_in_the_middle_of_a_pass_leaves_the_host_as_it_was(model, seeded, sampled, unchanged):
    before = sampled(model)

    def mishap():
        press_cancel()
        host.check_cancel()

    with unchanged(model), pytest.raises(Cancelled):
        read_four(with_mishap(model, mishap), seeded)
    assert torch.equal(sampled(model), before)


def test_an_error_inside_a_foreign_patch_comes_through_and_leaves_the_host_as_it_was(
    model, seeded, sampled, unchanged
):
    def mishap():
        raise ZeroDivisionError("of another pack")

    foreign = with_mishap(model, mishap)
    before = sampled(model)
    with unchanged(model), unchanged(foreign), pytest.raises(ZeroDivisionError, match="of another pack"):
        read_four(foreign, seeded)
    assert torch.equal(sampled(model), before)


def test_cancel_while_learning_leaves_the_host_as_it_was(model, seeded, sampled, unchanged):
    before = sampled(model)
    context = seeded(1, 5, 768).requires_grad_()
    latents = seeded(1, 4, 8, 8)
    with unchanged(model), pytest.raises(Cancelled), host.open_unet(model, latents.shape, gradients=True) as unet:
        recorder = unet.recorder(("output.3",))
        unet.run(latents, latents, 0, context, recorder)
        press_cancel()
        host.check_cancel()
    assert torch.is_grad_enabled()
    assert torch.equal(sampled(model), before)


def test_after_a_cancel_the_next_reading_runs(model, seeded):
    press_cancel()
    with pytest.raises(Cancelled):
        host.check_cancel()
    assert read_four(model, seeded).shape == (4, 5, 8, 8)


def test_the_modes_of_torch_are_afterwards_as_before(model, seeded):
    latents = seeded(1, 4, 8, 8)
    for gradients in (False, True):
        with torch.inference_mode():
            with host.open_unet(model, latents.shape, gradients=gradients):
                assert torch.is_grad_enabled() == gradients
            assert torch.is_inference_mode_enabled()
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


def test_a_reading_under_the_hosts_inference_mode_gives_the_same_maps(model, seeded):
    outside = read_four(model, seeded)
    with torch.inference_mode():
        inside = read_four(model, seeded)
    assert torch.equal(inside, outside)


def out_of_memory():
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_without_memory_the_work_is_tried_again_with_half_the_chunk():
    tried = []

    def work(chunk):
        tried.append(chunk)
        if chunk > 3:
            raise out_of_memory()
        return "done"

    assert host.with_smaller_chunks(work, start=16, least=3) == "done"
    assert tried == [16, 8, 4, 3]


def test_without_memory_for_the_smallest_chunk_the_person_is_told_what_to_do():
    def work(chunk):
        raise out_of_memory()

    with pytest.raises(RuntimeError, match="out of memory even with the smallest.*Use smaller pictures") as error:
        host.with_smaller_chunks(work, start=8, least=3)
    assert isinstance(error.value.__cause__, torch.cuda.OutOfMemoryError)


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, Cancelled])
def test_any_other_error_passes_through_at_once(kind):
    tried, error = [], kind()

    def work(chunk):
        tried.append(chunk)
        raise error

    with pytest.raises(kind) as caught:
        host.with_smaller_chunks(work, start=8, least=1)
    assert caught.value is error and tried == [8]


def test_what_a_failed_attempt_held_is_free_before_the_next_one():
    class Held:
        alive = 0

        def __init__(self):
            Held.alive += 1

        def __del__(self):
            Held.alive -= 1

    alive_at_start = []

    def work(chunk):
        alive_at_start.append(Held.alive)
        held = Held()  # noqa: F841  a tensor of the failed attempt
        if chunk > 2:
            raise out_of_memory()

    host.with_smaller_chunks(work, start=8, least=1)
    assert alive_at_start == [0, 0, 0]


def test_smaller_pieces_give_the_same_maps(model, seeded):
    latents, tried = seeded(4, 4, 8, 8), []

    def work(batch):
        tried.append(batch)
        if batch > 1:
            raise out_of_memory()
        with host.open_unet(model, latents.shape) as unet:
            return read_maps(unet, latents, seeded(1, 5, 768, seed=2), size=(8, 8), batch=batch)

    torch.testing.assert_close(host.with_smaller_chunks(work, start=4, least=1), read_four(model, seeded))
    assert tried == [4, 2, 1]


def test_maps_of_captures_made_under_inference_mode_need_no_gradient(model, seeded):
    latents = seeded(1, 4, 8, 8)
    with torch.inference_mode(), host.open_unet(model, latents.shape) as unet:
        recorder = unet.recorder(("output.3",))
        unet.run(latents, latents, 0, seeded(1, 5, 768), recorder)
        maps = averaged_maps(recorder.taken(), (8, 8))
    assert not maps.requires_grad and torch.isfinite(maps).all()
