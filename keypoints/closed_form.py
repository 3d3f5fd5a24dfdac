"""Tokens for labelled points without optimisation: discriminant directions, then ridge regression through to_k.

For every layer, with q the queries, m_j their mean at the labelled places of keypoint j, m their mean and C their
covariance over random places of the pictures (C channels, trace tr C, d channels):

    w_j = (C + s tr(C) / d I)^-1 (m_j - m)                    linear discriminant analysis, shrunk by s
    k_j = a w_j / std of the logit q.w_j over random places   the same strength for every keypoint and layer

A token e has the key e W in each layer. The token of a keypoint is the ridge solution of e [W_1 W_2 ...] =
[k_j,1 k_j,2 ...], with a ridge of 1e-2 of the mean diagonal of the normal matrix. Rows of zeros are appended
as sinks: their logit is 0 everywhere, so that a place that looks like no keypoint has something to look at.
"""

import torch

from ..attention.queries import LayerQueries

RIDGE = 1e-2
SINKS = 8
RANDOM_PLACES = 64  # for each picture


def random_places(pictures: int, generator: torch.Generator, count: int = RANDOM_PLACES) -> torch.Tensor:
    """[pictures, count, 2] in 0..1."""
    return torch.rand(pictures, count, 2, generator=generator)


def fitted_tokens(
    layers: list[LayerQueries],
    xy: torch.Tensor,
    weight: torch.Tensor,
    places: torch.Tensor,
    *,
    shrink: float,
    strength: float,
    sinks: int = SINKS,
) -> torch.Tensor:
    """[K + sinks, 768] tokens of K keypoints.

    xy        [B, K, 2] labelled places in 0..1; anything where weight is 0
    weight    [B, K] how much each label counts, 0 for none
    places    [B, M, 2] random places
    shrink    s above, strength a above
    """
    share = weight / weight.sum(0).clamp_min(1e-6)
    means = [(layer.at(xy.nan_to_num(0.5)) * share[..., None]).sum(0) for layer in layers]
    return tokens_of_means(layers, means, places, shrink=shrink, strength=strength, sinks=sinks)


def tokens_of_means(
    layers: list[LayerQueries], means: list[torch.Tensor], places: torch.Tensor, *, shrink, strength, sinks=SINKS
) -> torch.Tensor:
    """[K + sinks, 768] tokens of K keypoints, given the mean query [K, C] of each in every layer."""
    keys = []
    for layer, mean in zip(layers, means, strict=True):
        queries = layer.at(places).flatten(0, 1)
        keys.append(discriminant_keys(layer, mean - queries.mean(0), queries, shrink, strength))
    tokens = tokens_with_keys(layers, torch.cat(keys, -1))
    return torch.cat([tokens, tokens.new_zeros(sinks, tokens.shape[1])])


def tokens_with_keys(layers: list[LayerQueries], keys: torch.Tensor) -> torch.Tensor:
    """[K, 768] tokens whose keys are nearest to keys [K, sum of C], by ridge regression through all layers."""
    weights = torch.cat([layer.weights for layer in layers], -1)
    normal = weights @ weights.T
    normal = normal + RIDGE * normal.diagonal().mean() * torch.eye(len(normal))
    return torch.linalg.solve(normal, weights @ keys.T).T


def shrunk_covariance(queries: torch.Tensor, shrink: float) -> torch.Tensor:
    """[C, C]: C + s tr(C) / d I of queries [M, C]."""
    covariance = torch.cov(queries.T)
    size = len(covariance)
    return covariance + shrink * covariance.trace() / size * torch.eye(size)


def discriminant_keys(
    layer: LayerQueries, apart: torch.Tensor, queries: torch.Tensor, shrink: float, strength: float
) -> torch.Tensor:
    """[K, C] keys of one layer, as above, that tell means which differ by `apart` [K, C] among queries [M, C]."""
    directions = torch.linalg.solve(shrunk_covariance(queries, shrink), apart.T).T
    return strength * directions / _deviation(directions, queries, layer.heads)[:, None]


def _deviation(directions, queries, heads):
    """[K]: root mean square over heads of the deviation that each direction's logit has over the queries."""
    of_q, of_k = (tensor.unflatten(-1, (heads, -1)) for tensor in (queries, directions))
    logits = torch.einsum("nhd,khd->nkh", of_q, of_k) * of_q.shape[-1] ** -0.5
    return logits.var(0).mean(-1).sqrt().clamp_min(1e-6)
