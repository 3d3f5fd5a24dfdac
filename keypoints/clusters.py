"""Keypoints without labels and without optimisation: clusters of queries that stay on their place under warps.

1. The queries of all pictures at the cells of a 16 x 16 grid, whitened in each layer by the covariance of
   closed_form.py, side by side, reduced to their first 64 principal directions; k-means.
2. Every cluster becomes a token by the closed form, its mean query standing for the labelled one; all of them
   together make the maps of every picture and warped copy.
3. A token is as good as it is equivariant (eq. 5): its stability is the share of copies in which its peak lies
   within 0.05 of where all copies agree that it is. What belongs to the frame or to no place fails that.
4. Its concentration is the share of its map within 0.1 of the peak, in the spirit of eq. 9: parts
   of the object are points, pieces of background are areas.
5. 4 K of them, greedily: next the one with the highest product of stability, concentration, and distance to the
   chosen ones, up to 0.1; that of two tokens is the mean over pictures of their peaks' (eq. 10).
6. The closed form again, from the peaks on which original and copies agree, weighted by the agreement squared: a
   token that was right in most pictures comes out right in more. Steps 2 to 6 again with 3 K, 2 K and K tokens.
"""

from typing import NamedTuple

import torch

from ..attention.queries import LayerQueries, maps_of
from .closed_form import fitted_tokens, random_places, shrunk_covariance, tokens_of_means
from .recipes import Recipe
from .targets import cell_centres, peaks
from .warps import labels_of_copies

GRID = 16
DIRECTIONS = 64
ROUNDS = 20
NEAR = 0.05  # of the side
AROUND = 0.1  # of the side
FAR = 0.1  # of the side: two keypoints farther from each other are far enough
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
        chosen = stable_and_apart(agreed, narrow.mean(0), kept)
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


class Consensus(NamedTuple):
    """Where keypoints are in P pictures, by what the originals and their warped copies say.

    xy         [P, K, 2] in 0..1: the place of the copy that is nearest to all others
    agreement  [P, K] in 0..1: share of the copies within 0.05 of it
    """

    xy: torch.Tensor
    agreement: torch.Tensor


def consensus(found: torch.Tensor, theta: torch.Tensor) -> Consensus:
    """What peaks [P (1 + W), K, 2] of all copies agree on."""
    pictures, copies = theta.shape[:2]
    # A warp says where in the original each place of the copy comes from: applied to a peak it takes it back.
    home = torch.einsum("bij,bkj->bki", theta.flatten(0, 1)[..., :2], 2 * found - 1)
    home = ((home + theta.flatten(0, 1)[:, None, :, 2] + 1) / 2).unflatten(0, (pictures, copies))
    among = home.transpose(1, 2)  # [P, K, 1 + W, 2]
    central = torch.cdist(among, among).sum(-1).argmin(-1)
    xy = among.gather(2, central[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]
    agreement = ((home - xy[:, None]).norm(dim=-1) < NEAR).float().mean(1)
    return Consensus(xy, agreement)


def stable_and_apart(found: Consensus, narrow: torch.Tensor, count: int) -> list[int]:
    """The K tokens with the best product of stability, concentration [M] and distance to those chosen before."""
    worth = found.agreement.mean(0) * narrow
    between = torch.cdist(found.xy, found.xy).mean(0)
    chosen = [int(worth.argmax())]
    while len(chosen) < min(count, len(worth)):
        score = worth * between[chosen].amin(0).clamp_max(FAR)
        score[chosen] = -1
        chosen.append(int(score.argmax()))
    return chosen


def concentration(maps: torch.Tensor) -> torch.Tensor:
    """[..., N]: the share of each of maps [..., N, R, R'] that lies within 0.1 of the side around its peak."""
    rows, columns = maps.shape[-2:]
    top = peaks(maps)
    down = (cell_centres(rows) / rows - top[..., 1, None]).square()
    across = (cell_centres(columns) / columns - top[..., 0, None]).square()
    near = down[..., :, None] + across[..., None, :] <= AROUND**2
    return (maps * near).sum((-1, -2)) / maps.sum((-1, -2)).clamp_min(1e-12)
