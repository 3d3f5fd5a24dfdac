"""Keypoints without labels and without optimisation: clusters of queries that stay on their place under warps.

1. The queries of all pictures at the cells of a 16 x 16 grid, whitened in each layer by the covariance of
   closed_form.py, side by side, reduced to their first 64 principal directions; k-means.
2. Every cluster becomes a token by the closed form, its mean query standing for the labelled one; all of them
   together make the maps of every picture and warped copy.
3. 4 K of them are chosen, as candidates.py says: stable under warps, narrow, and each telling something new.
4. The closed form again, from the peaks on which original and copies agree, weighted by the agreement squared: a
   token that was right in most pictures comes out right in more. Steps 2 to 4 again with 3 K, 2 K and K tokens.
"""

import torch

from ..attention.queries import LayerQueries, maps_of
from .candidates import chosen_candidates, concentration
from .closed_form import fitted_tokens, random_places, shrunk_covariance, tokens_of_means
from .consensus import consensus
from .recipes import Recipe
from .targets import cell_centres, peaks
from .warps import labels_of_copies

GRID = 16
DIRECTIONS = 64
ROUNDS = 20
STARTS = 2  # of k-means: more candidates, and less of luck
KEPT = (4, 3, 2)  # times K: tokens kept in each round, before the last one
MAP = 32  # cells of the maps here
AT_ONCE = 16


def clustered_tokens(
    layers: list[LayerQueries], theta: torch.Tensor, recipe: Recipe, generator: torch.Generator
) -> torch.Tensor:
    """[K + sinks, 768] tokens of K keypoints, out of queries of P pictures with W copies each.

    theta  [P, 1 + W, 2, 3] warps, the first of each picture none; the queries are in the same order
    """
    copies = theta.shape[1]
    originals = torch.arange(0, theta.shape[0] * copies, copies)
    firsts = [layer.part(originals) for layer in layers]
    places, every = (random_places(len(one[0].q), generator) for one in (firsts, layers))
    options = {"shrink": recipe.shrink, "strength": recipe.strength}
    starts = [cluster_means(firsts, places, recipe, generator) for _ in range(STARTS)]
    means = [torch.cat(of_layer) for of_layer in zip(*starts, strict=True)]
    tokens, count = tokens_of_means(firsts, means, places, **options), len(means[0])
    for kept in (*(recipe.keypoints * times for times in KEPT), recipe.keypoints):
        found, narrow = peaks_of(layers, tokens, count)
        agreed = consensus(found, theta)
        chosen = chosen_candidates(agreed, narrow.mean(0), kept)
        xy, weight = labels_of_copies(*agreed, theta)
        tokens, count = fitted_tokens(layers, xy[:, chosen], weight[:, chosen].square(), every, **options), len(chosen)
    if count < recipe.keypoints:
        raise ValueError(
            f"Asked for {recipe.keypoints} keypoints, but the pictures gave only {count} different ones. "
            "Ask for fewer, or connect more pictures."
        )
    return tokens


def cluster_means(layers, places, recipe, generator) -> list[torch.Tensor]:
    """[M, C] for each layer: the mean query of every cluster."""
    line = cell_centres(GRID) / GRID
    grid = torch.stack([line.repeat(GRID), line.repeat_interleave(GRID)], -1)
    queries = [layer.at(grid.expand(len(layer.q), -1, -1)).flatten(0, 1) for layer in layers]
    white = []
    for layer, query in zip(layers, queries, strict=True):
        at_random = layer.at(places).flatten(0, 1)
        root = torch.linalg.cholesky(shrunk_covariance(at_random, recipe.shrink))
        white.append(torch.linalg.solve_triangular(root, (query - at_random.mean(0)).T, upper=False).T)
    points = torch.cat(white, -1)
    _, vectors = torch.linalg.eigh(torch.cov(points.T))
    owner = k_means(points @ vectors[:, -DIRECTIONS:], recipe.clusters, generator)
    used = owner.unique()
    member = torch.nn.functional.one_hot(owner).float()[:, used]
    share = (member / member.sum(0)).T
    return [share @ query for query in queries]


def k_means(points: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """[n] number of the cluster of each of points [n, d]; starts spread out (k-means++)."""
    count = min(count, len(points))
    centres = points[torch.randint(len(points), (1,), generator=generator)]
    nearest = torch.full((len(points),), float("inf"))
    while len(centres) < count:
        nearest = torch.minimum(nearest, (points - centres[-1]).square().sum(-1))
        centres = torch.cat([centres, points[torch.multinomial(nearest + 1e-9, 1, generator=generator)]])
    for _ in range(ROUNDS):
        owner = torch.cdist(points, centres).argmin(-1)
        totals = torch.zeros_like(centres).index_add_(0, owner, points)
        counts = owner.bincount(minlength=count)[:, None]
        centres = torch.where(counts > 0, totals / counts.clamp_min(1), centres)
    return torch.cdist(points, centres).argmin(-1)


def peaks_of(layers: list[LayerQueries], tokens: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """([B, count, 2] peaks in 0..1, [B, count] concentration) of the first tokens, under queries as they are."""
    found = []
    for one in torch.arange(len(layers[0].q)).split(AT_ONCE):
        with torch.no_grad():
            maps = maps_of([layer.part(one) for layer in layers], tokens, (MAP, MAP))[:, :count]
        found.append((peaks(maps), concentration(maps)))
    return tuple(torch.cat(part) for part in zip(*found, strict=True))
