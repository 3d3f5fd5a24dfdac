"""Tokens without optimisation: keypoints/closed_form.py and keypoints/prototypes.py."""

import pytest
import torch
from attention_keypoints.attention.queries import LayerQueries, maps_of
from attention_keypoints.keypoints.closed_form import (
    RIDGE,
    SINKS,
    fitted_tokens,
    random_places,
    shrunk_covariance,
    tokens_with_keys,
)
from attention_keypoints.keypoints.prototypes import prototype_tokens
from attention_keypoints.keypoints.targets import gaussians, peaks

PICTURES, K, CHANNELS, HEADS = 8, 3, 16, 2


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def made_layer(xy, size, seed, strength=6.0):
    """Queries of noise in which the surroundings of keypoint j ask along direction j besides."""
    directions = torch.nn.functional.normalize(random(K, CHANNELS, seed=seed), dim=-1) * strength
    bumps = gaussians(xy, size, (0.8, 0.8)).flatten(2)  # [P, K, h w]
    q = random(len(xy), size[0] * size[1], CHANNELS, seed=seed + 1) + torch.einsum("pkn,kc->pnc", bumps, directions)
    return LayerQueries(q, random(768, CHANNELS, seed=seed + 2) / 768**0.5, HEADS, size)


@pytest.fixture
def world():
    """(xy [P, K, 2], two layers of different size) of eight pictures."""
    cells = torch.rand(PICTURES, K, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([10, 6])
    xy = (cells.floor() + 1.5) / torch.tensor([12, 8])
    return xy, [made_layer(xy, (8, 12), 10), made_layer(xy, (16, 24), 20)]


def fitted(layers, xy, weight, **options):
    places = random_places(len(xy), torch.Generator().manual_seed(3))
    return fitted_tokens(layers, xy, weight, places, **({"shrink": 1.0, "strength": 2.0} | options))


def share_found(layers, tokens, xy):
    found = peaks(maps_of(layers, tokens, (32, 48)))[:, :K]
    return ((found - xy).norm(dim=-1) < 0.1).float().mean()


@pytest.mark.parametrize("make", [fitted, prototype_tokens])
def test_maps_of_the_tokens_peak_at_the_labelled_places(world, make):
    xy, layers = world
    tokens = make(layers, xy, torch.ones(PICTURES, K))
    assert tokens.shape == (K + SINKS, 768) and tokens.isfinite().all()
    assert share_found(layers, tokens, xy) > 0.9


def test_tokens_fitted_on_some_pictures_find_the_places_in_others(world):
    xy, layers = world
    some = [layer.part(torch.arange(5)) for layer in layers]
    tokens = fitted(some, xy[:5], torch.ones(5, K))
    others = [layer.part(torch.arange(5, PICTURES)) for layer in layers]
    assert share_found(others, tokens, xy[5:]) > 0.8


@pytest.mark.parametrize("make", [fitted, prototype_tokens])
def test_labels_of_weight_zero_count_nothing(world, make):
    xy, layers = world
    weight = torch.ones(PICTURES, K)
    weight[0, 1] = weight[3] = 0
    missing, elsewhere = xy.clone(), xy.clone()
    missing[weight == 0] = torch.nan
    elsewhere[weight == 0] = 0.1
    torch.testing.assert_close(make(layers, missing, weight), make(layers, elsewhere, weight))


def test_the_last_rows_are_sinks_of_nothing(world):
    xy, layers = world
    tokens = fitted(layers, xy, torch.ones(PICTURES, K), sinks=4)
    assert tokens.shape[0] == K + 4 and (tokens[K:] == 0).all() and (tokens[:K].norm(dim=-1) > 0).all()


def test_twice_the_strength_makes_twice_the_tokens(world):
    xy, layers = world
    once, twice = (fitted(layers, xy, torch.ones(PICTURES, K), strength=a) for a in (1.0, 2.0))
    torch.testing.assert_close(twice, 2 * once)


def test_the_logit_of_every_token_varies_by_the_strength_over_random_places(world):
    xy, layers = world
    places = random_places(PICTURES, torch.Generator().manual_seed(3))
    tokens = fitted(layers, xy, torch.ones(PICTURES, K), strength=1.5)[:K]
    for layer in layers:
        q, k = (part.unflatten(-1, (HEADS, -1)) for part in (layer.at(places).flatten(0, 1), tokens @ layer.weights))
        logits = torch.einsum("nhd,khd->nkh", q, k) * (CHANNELS / HEADS) ** -0.5
        deviation = logits.var(0).mean(-1).sqrt()
        torch.testing.assert_close(deviation, torch.full((K,), 1.5), rtol=0.02, atol=0)


def test_keys_that_tokens_can_have_are_met(world):
    _, layers = world
    weights = torch.cat([layer.weights for layer in layers], -1)
    keys = random(5, 768, seed=9) @ weights
    found = tokens_with_keys(layers, keys) @ weights
    assert (found - keys).norm() < 1e-3 * keys.norm()


def test_tokens_are_the_least_of_error_and_ridge(world):
    """Where the slope of |e W - k|^2 + r |e|^2 is zero; keys here that no token has."""
    xy, _ = world
    layer = made_layer(xy, (8, 12), 30)
    layers = [layer, layer]
    weights = torch.cat([layer.weights] * 2, -1).double()
    keys = random(4, 2 * CHANNELS, seed=8)
    tokens = tokens_with_keys(layers, keys).double()
    ridge = RIDGE * (weights @ weights.T).diagonal().mean()
    slope = (tokens @ weights - keys) @ weights.T + ridge * tokens
    assert slope.abs().max() < 1e-3 * (keys.double() @ weights.T).abs().max()


def test_a_shrunk_covariance_is_drawn_towards_a_multiple_of_the_unit_matrix(world):
    _, (layer, _) = world
    queries = layer.at(random_places(PICTURES, torch.Generator().manual_seed(3), 20)).flatten(0, 1)
    centred = (queries - queries.mean(0)).double()
    plain = centred.T @ centred / (len(queries) - 1)
    expected = plain + 0.5 * plain.trace() / CHANNELS * torch.eye(CHANNELS)
    torch.testing.assert_close(shrunk_covariance(queries, 0.5).double(), expected, rtol=1e-4, atol=1e-4)
