"""The recorder during real sampling, and sampling before and after a reading."""

import pytest
import torch
from attention_keypoints.attention import host

LAYERS = ("input.1", "output.6")


def with_recorder(model, latent_shape, batches, **options):
    """A clone whose sampling is recorded, and the recorder; `batches` collects cond_or_uncond of every pass."""
    with host.open_unet(model, latent_shape) as unet:
        recorder = unet.recorder(LAYERS, stop_early=False, **options)
    clone = model.clone()

    def note(n, context, value, extra_options):
        if extra_options["block"] == ("input", 1):
            batches.append(tuple(extra_options["cond_or_uncond"]))
        return n, context, value

    clone.set_model_attn2_patch(note)
    clone.model_options["transformer_options"] = recorder.patched(clone.model_options["transformer_options"])
    return clone, recorder


@pytest.mark.parametrize(
    "positive_rows, negative_rows, mixed",
    [(17, 3, False), (17, 1, False), (4, 2, True), (2, 6, True), (6, 4, True), (3, 3, True), (77, 154, True)],
)
@pytest.mark.parametrize("condition", [0, 1], ids=["positive", "negative"])
def test_sampling_with_guidance_records_one_condition_with_its_own_rows(
    model, seeded, sampled, positive_rows, negative_rows, mixed, condition
):
    contexts = seeded(1, positive_rows, 768, seed=3), seeded(1, negative_rows, 768, seed=4)
    rows = contexts[condition].shape[1]
    batches, alone_batches = [], []
    latents = torch.zeros(2, 4, 8, 16)
    guided, recorder = with_recorder(
        model, latents.shape, batches, condition=condition, context_length=rows
    )
    sampled(guided, *contexts, steps=1, latents=latents)
    assert {len(batch) for batch in batches} == {2 if mixed else 1}

    alone, reference = with_recorder(model, latents.shape, alone_batches, context_length=rows)
    sampled(alone, contexts[condition], contexts[condition], steps=1, cfg=1.0, latents=latents)
    assert set(alone_batches) == {(0,)}
    for found, expected in zip(recorder.taken(), reference.taken(), strict=True):
        assert found.k.shape[1] == rows and found.size == expected.size
        torch.testing.assert_close(found.k, expected.k, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.q, expected.q, atol=1e-4, rtol=1e-4)


def test_a_recorder_on_a_sampled_clone_changes_no_picture(model, sampled):
    recorded, recorder = with_recorder(model, (1, 4, 8, 8), [])
    assert torch.equal(sampled(recorded), sampled(model))
    assert len(recorder.taken()) == 2


def test_sampling_before_and_after_a_reading_is_bitwise_equal(model, sampled, read, unchanged):
    before = sampled(model)
    with unchanged(model):
        read(model, LAYERS)
    assert torch.equal(sampled(model), before)
