"""Averaged maps: the plain formula, its gradients, its memory, and what is told about them."""

import pytest
import torch
from attention_keypoints.attention.maps import AttentionMaps, averaged_maps, bicubic_matrix, map_size
from attention_keypoints.attention.recorder import Captured
from torch.nn.functional import cosine_similarity, interpolate

TINY, SMALL, LARGE = 64, 40_000, 2**26  # bytes of a chunk: one row of one head, a few rows, everything


def layers_of(*sizes, batch=2, tokens=7, heads=4, depth=5, dtype=torch.float32, seed=0):
    """Random captured layers of sizes (h, w), peaked enough that maps differ from place to place."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for height, width in sizes:
        q = 2 * torch.randn(batch, height * width, heads * depth, generator=generator)
        k = 2 * torch.randn(batch, tokens, heads * depth, generator=generator)
        q, k = (x.to(dtype).requires_grad_() for x in (q, k))
        layers.append(Captured(q, k, heads, (height, width)))
    return layers


def plain_maps(layers, size):
    """The formula as papers write it, in float64 by plain autograd."""
    everything = []
    for layer in layers:
        q, k = (x.double().unflatten(-1, (layer.heads, -1)).transpose(1, 2) for x in (layer.q, layer.k))
        grids = q.transpose(-1, -2).unflatten(-1, layer.size).flatten(0, 1)
        fine = interpolate(grids, size, mode="bicubic", align_corners=False)
        queries = fine.flatten(2).transpose(-1, -2).unflatten(0, q.shape[:2])
        everything.append((queries @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1))
    return torch.cat(everything, 1).mean(1).transpose(-1, -2).unflatten(-1, size)


def tensors(layers):
    return [x for layer in layers for x in (layer.q, layer.k)]


def gradients(maps, layers, seed=1):
    """Of a random linear function of the maps, with respect to every q and k."""
    weights = torch.randn(maps.shape, generator=torch.Generator().manual_seed(seed))
    return torch.autograd.grad((maps * weights.to(maps)).sum(), tensors(layers))


SHAPES = [
    ([(8, 8), (16, 16)], (32, 32)),
    ([(4, 6), (8, 12)], (32, 48)),  # landscape
    ([(13, 9)], (25, 17)),  # portrait, odd
    ([(1, 1), (2, 1)], (9, 4)),  # a picture of one latent
    ([(8, 8)], (5, 3)),  # maps smaller than the layer
]


@pytest.mark.parametrize("chunk_bytes", [TINY, SMALL, LARGE])
@pytest.mark.parametrize("sizes, size", SHAPES)
def test_maps_equal_the_plain_formula_in_any_chunks(sizes, size, chunk_bytes):
    layers = layers_of(*sizes)
    maps = averaged_maps(layers, size, chunk_bytes)
    torch.testing.assert_close(maps, plain_maps(layers, size).float(), atol=2e-6, rtol=0)


@pytest.mark.parametrize("chunk_bytes", [TINY, SMALL, LARGE])
@pytest.mark.parametrize("sizes, size", SHAPES)
def test_gradients_equal_plain_autograd_in_any_chunks(sizes, size, chunk_bytes):
    layers = layers_of(*sizes)
    found = gradients(averaged_maps(layers, size, chunk_bytes), layers)
    expected = gradients(plain_maps(layers, size), layers)
    for one, other in zip(found, expected, strict=True):
        assert cosine_similarity(one.flatten(), other.flatten(), 0) >= 0.99999
        torch.testing.assert_close(one, other, atol=1e-5 * float(other.abs().max()), rtol=0)


def test_gradients_foretell_what_a_small_step_does_to_the_maps():
    layers = layers_of((4, 6), (8, 12))
    step = 1e-3
    directions = [torch.randn(x.shape, generator=torch.Generator().manual_seed(9)) for x in tensors(layers)]

    def value(sign):
        moved = iter(x.detach() + sign * step * d for x, d in zip(tensors(layers), directions, strict=True))
        shifted = [Captured(next(moved), next(moved), layer.heads, layer.size) for layer in layers]
        return averaged_maps(shifted, (16, 24))[:, 2].double().square().sum()

    loss = averaged_maps(layers, (16, 24))[:, 2].square().sum()
    slopes = torch.autograd.grad(loss, tensors(layers))
    foretold = sum((slope * d).sum() for slope, d in zip(slopes, directions, strict=True))
    measured = (value(1) - value(-1)) / (2 * step)
    assert float(foretold) == pytest.approx(float(measured), rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_layers_give_float32_maps_and_gradients_of_their_own_type(dtype):
    layers = layers_of((8, 8), (16, 16), dtype=dtype)
    maps = averaged_maps(layers, (32, 32), SMALL)
    assert maps.dtype == torch.float32
    torch.testing.assert_close(maps, plain_maps(layers, (32, 32)).float(), atol=2e-6, rtol=0)
    expected = gradients(plain_maps(layers, (32, 32)), layers)
    for one, other in zip(gradients(maps, layers), expected, strict=True):
        assert one.dtype == dtype
        assert cosine_similarity(one.float().flatten(), other.float().flatten(), 0) >= 0.9999


@pytest.mark.parametrize("sizes, size", SHAPES)
def test_float64_layers_are_computed_in_float64(sizes, size):
    layers = layers_of(*sizes, dtype=torch.float64)
    maps, expected = averaged_maps(layers, size, SMALL), plain_maps(layers, size)
    torch.testing.assert_close(maps, expected, atol=1e-14, rtol=0)
    torch.testing.assert_close(gradients(maps, layers), gradients(expected, layers), atol=1e-13, rtol=0)


def test_at_every_place_the_shares_of_all_tokens_add_up_to_one():
    maps = averaged_maps(layers_of((4, 6), (8, 12)), (16, 24))
    torch.testing.assert_close(maps.sum(1), torch.ones(2, 16, 24))


def test_a_batch_gives_the_maps_of_its_pictures():
    layers = layers_of((4, 6), batch=3)
    maps = averaged_maps(layers, (16, 24), SMALL)
    for index in range(3):
        alone = [Captured(x.q[index : index + 1], x.k[index : index + 1], x.heads, x.size) for x in layers]
        torch.testing.assert_close(maps[index : index + 1], averaged_maps(alone, (16, 24)))


def test_every_head_of_every_layer_weighs_the_same():
    one, two = layers_of((4, 4), heads=2), layers_of((4, 4), heads=6, seed=5)
    both = averaged_maps([*one, *two], (8, 8))
    expected = (2 * averaged_maps(one, (8, 8)) + 6 * averaged_maps(two, (8, 8))) / 8
    torch.testing.assert_close(both, expected)


def test_layers_of_different_contexts_are_not_averaged():
    layers = [*layers_of((4, 4), tokens=7), *layers_of((4, 4), tokens=5)]
    with pytest.raises(ValueError, match="one batch and one context"):
        averaged_maps(layers, (8, 8))


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    layers = layers_of((4, 4))
    loss = averaged_maps(layers, (8, 8))[:, 0].square().sum()
    (first,) = torch.autograd.grad(loss, layers[0].q, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.square().sum().backward()


def peak_bytes(work):
    """The most memory that `work` held at any time beyond what was held before."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True, acc_events=True) as profile:
        kept = work()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    del kept
    return peak


@pytest.mark.parametrize("chunk_bytes", [2**18, 2**20])
def test_memory_stays_within_a_few_chunks_above_maps_and_gradients(chunk_bytes):
    layers = layers_of((16, 16), (16, 16), (16, 16), (32, 32), batch=1, tokens=40, heads=8, depth=8)
    size = (64, 64)
    maps_bytes = 40 * 64 * 64 * 4
    gradient_bytes = sum(x.numel() * 4 for x in tensors(layers))
    low_bytes = 40 * 32 * 32 * 4  # logits of one head of the largest layer, not yet enlarged

    forward = peak_bytes(lambda: averaged_maps(layers, size, chunk_bytes))
    assert forward <= maps_bytes + max(maps_bytes, 2.5 * chunk_bytes) + 2 * low_bytes

    maps = averaged_maps(layers, size, chunk_bytes)
    wanted = torch.ones_like(maps)
    backward = peak_bytes(lambda: torch.autograd.grad(maps, tensors(layers), wanted))
    assert backward <= 2 * maps_bytes + gradient_bytes + 3 * chunk_bytes + 3 * low_bytes

    softmaxes = 4 * 8 * maps_bytes
    assert max(forward, backward) < softmaxes / 2, "all softmaxes at once would need more than that"


@pytest.mark.parametrize("inputs, outputs", [(16, 128), (25, 64), (17, 9), (1, 6)])
def test_the_bicubic_matrix_is_torchs_interpolation(inputs, outputs):
    line = torch.randn(inputs, generator=torch.Generator().manual_seed(0))
    grid = line[None, None, :, None].expand(1, 1, inputs, 3)
    expected = interpolate(grid, (outputs, 3), mode="bicubic", align_corners=False)[0, 0, :, 1]
    torch.testing.assert_close(bicubic_matrix(inputs, outputs) @ line, expected)


@pytest.mark.parametrize(
    "picture, longest, expected",
    [((512, 512), 128, (128, 128)), ((200, 136), 64, (64, 44)), ((64, 512), 128, (16, 128)), ((8, 4096), 64, (1, 64))],
)
def test_a_map_has_the_aspect_ratio_of_its_picture(picture, longest, expected):
    assert map_size(picture, longest) == expected


@pytest.fixture
def peaked():
    maps = torch.zeros(1, 2, 4, 8)
    maps[0, 0, 1, 6] = 0.75
    maps[0, 1, 3, 0] = 0.5
    return AttentionMaps(maps, ("hat", "shoe"))


def test_a_peak_is_the_centre_of_its_cell_in_width_and_height(peaked):
    xy, share = peaked.peaks()
    torch.testing.assert_close(xy, torch.tensor([[[6.5 / 8, 1.5 / 4], [0.5 / 8, 3.5 / 4]]]))
    torch.testing.assert_close(share, torch.tensor([[0.75, 0.5]]))


def test_picked_maps_keep_their_names(peaked):
    picked = peaked.pick([1])
    assert picked.names == ("shoe",)
    assert torch.equal(picked.maps, peaked.maps[:, 1:])


def test_maps_shown_as_text_tell_where_each_peak_is(peaked):
    text = str(peaked)
    assert "1 picture, 2 maps of 8 x 4" in text
    assert "hat 0.81, 0.38 (75%)" in text and "shoe 0.06, 0.88 (50%)" in text


@pytest.mark.parametrize("maps, names", [(torch.zeros(1, 2, 4, 8), ("hat",)), (torch.zeros(2, 4, 8), ("a", "b"))])
def test_maps_without_one_name_for_each_are_refused(maps, names):
    with pytest.raises(ValueError, match="one name for each token"):
        AttentionMaps(maps, names)
