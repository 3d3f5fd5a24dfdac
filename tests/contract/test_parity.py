"""What the reader captures is what an independent implementation of the same UNet computes."""

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.layers import CROSS_ATTENTIONS, PUBLISHED
from attention_keypoints.attention.maps import averaged_maps
from attention_keypoints.attention.reader import read_maps
from attention_keypoints.attention.timesteps import seeded_noise

TOLERANCE = 1e-5


def probabilities(captured):
    """[B, heads, positions, N] softmax over tokens of a Captured, in float64."""
    q, k = (x.unflatten(-1, (captured.heads, -1)).transpose(1, 2).double() for x in (captured.q, captured.k))
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)


def differences(recorder, seen):
    return {
        layer: (probabilities(recorder.captured[layer]) - seen[layer].probabilities).abs().max().item()
        for layer in CROSS_ATTENTIONS
    }


@pytest.fixture
def inputs(seeded):
    """Latents of two pictures of 128 x 192, noise and a context of 17 rows."""
    return seeded(2, 4, 16, 24), seeded(2, 4, 16, 24, seed=1), seeded(1, 17, 768, seed=2)


@pytest.mark.parametrize("t", [0, 1, 261, 999])
def test_probabilities_of_all_sixteen_layers_equal_those_of_diffusers(model, twin, read, inputs, t):
    latents, noise, context = inputs
    recorder = read(model, CROSS_ATTENTIONS, latents=latents, noise=noise, t=t, context=context)
    found = differences(recorder, twin.look(latents, noise, t, context))
    assert len(found) == 16
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("height, width", [(25, 17), (1, 1), (1, 9)])
def test_odd_sizes_down_to_one_latent_equal_diffusers(make_twin, read, seeded, height, width):
    """Wider than the demo model: one latent alone is one number in each of its group norms, and torch refuses."""
    twin = make_twin(160, (1, 1, 1, 1))
    latents, noise, context = seeded(1, 4, height, width), seeded(1, 4, height, width, seed=1), seeded(1, 6, 768)
    recorder = read(twin.host_model(), CROSS_ATTENTIONS, latents=latents, noise=noise, t=100, context=context)
    found = differences(recorder, twin.look(latents, noise, 100, context))
    assert max(found.values()) <= TOLERANCE, found
    assert recorder.captured["input.1"].size == (height, width)


def test_the_comparison_with_diffusers_notices_a_timestep_that_is_off_by_one(model, twin, read, inputs):
    latents, noise, context = inputs
    recorder = read(model, CROSS_ATTENTIONS, latents=latents, noise=noise, t=261, context=context)
    found = differences(recorder, twin.look(latents, noise, 262, context))
    assert max(found.values()) > 10 * TOLERANCE, found


def test_the_attention_that_is_compared_is_far_from_uniform(twin, inputs):
    latents, noise, context = inputs
    seen = twin.look(latents, noise, 261, context)
    uniform = 1 / context.shape[1]
    assert all(layer.probabilities.amax(-1).mean() > 3 * uniform for layer in seen.values())


def plain_maps(seen, sizes, size):
    """The formula of the papers, with nothing clever: queries brought to map resolution, softmax, one mean."""
    everything = []
    for layer, (height, width) in sizes.items():
        batch, heads, _, depth = seen[layer].q.shape
        grids = seen[layer].q.transpose(-1, -2).reshape(batch * heads, depth, height, width)
        fine = torch.nn.functional.interpolate(grids, size, mode="bicubic", align_corners=False)
        queries = fine.reshape(batch, heads, depth, -1).transpose(-1, -2)
        logits = queries @ seen[layer].k.transpose(-1, -2) * depth**-0.5
        everything.append(logits.softmax(-1))
    return torch.cat(everything, 1).mean(1).transpose(-1, -2).unflatten(-1, size)


def test_averaged_maps_equal_the_plain_formula_on_the_queries_of_diffusers(model, twin, inputs):
    latents, _, context = inputs
    noise = seeded_noise(latents, 7)
    with host.open_unet(model, latents.shape) as unet:
        maps = read_maps(unet, latents, context, size=(64, 96), t=100, seed=7)
    seen = twin.look(latents, noise, 100, context)
    sizes = {"output.3": (4, 6), "output.4": (4, 6), "output.5": (4, 6), "output.6": (8, 12)}
    assert tuple(sizes) == PUBLISHED
    expected = plain_maps(seen, sizes, (64, 96))
    torch.testing.assert_close(maps, expected.float(), atol=TOLERANCE, rtol=0)


def test_averaging_finished_small_maps_is_not_what_the_reader_does(model, twin, inputs):
    latents, noise, context = inputs
    seen = twin.look(latents, noise, 100, context)["output.3"]
    with host.open_unet(model, latents.shape) as unet:
        recorder = unet.recorder(("output.3",))
        unet.run(latents, noise, 100, context, recorder)
        maps = averaged_maps(recorder.taken(), (64, 96))
    small = seen.probabilities.mean(1).transpose(-1, -2).unflatten(-1, (4, 6))
    late = torch.nn.functional.interpolate(small, (64, 96), mode="bicubic", align_corners=False)
    assert (maps - late).abs().max() > 100 * TOLERANCE


def test_the_models_output_equals_that_of_diffusers(model, twin, inputs):
    latents, noise, context = inputs
    t = 500
    with host.open_unet(model, latents.shape) as unet:
        denoised = unet.run(latents, noise, t, context, unet.recorder((), stop_early=False))
    with torch.no_grad():
        noised = twin.noised(latents, noise, t)
        epsilon = twin.unet(noised, t, encoder_hidden_states=context.expand(2, -1, -1)).sample
    share = twin.scheduler.alphas_cumprod[t]
    expected = (noised - (1 - share).sqrt() * epsilon) / share.sqrt()
    torch.testing.assert_close(denoised, expected, atol=1e-4, rtol=1e-4)
