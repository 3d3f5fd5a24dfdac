"""A skeleton for keypoints that nobody named: the minimum spanning tree of distances that are short and stay the same.

What a limb joins stays about as far apart from picture to picture. On its own that is a poor guide, because the two
ends of any stiff body do so too: with the deviation relative to the distance as cost, 6 of the 13 limbs of the demo's
figures come out of 50 pictures, and 3 once a tenth of the points is missing and a tenth is somewhere else. Short
distances alone give 11 there, but join what merely lies close: none of 2 rods that turn about one centre. The sum of
both gives 11 and most rods. (The other two limbs are ties: a trunk is stiff, whichever way it is spanned.)
"""

import numpy as np
import torch

from .keypoints import Keypoints

_DEVIATIONS = 3  # of the median, added to it: were distances normally distributed, 98 in 100 would be shorter
_MOST_DISTANCES = 4_000_000  # held at once; of more pictures, that many evenly spread ones are looked at


def spanning_tree(keypoints: Keypoints) -> tuple[tuple[int, int], ...]:
    """The limbs (i, j), inner point first, of a tree that joins all points that are ever seen together with others.

    The cost of a pair is the median of its distance over the pictures in which both have coordinates, plus three times
    the median of the absolute deviations from it: missing and, up to a half, wrong points do no harm. A tree starts at
    its most central point. Points that are never seen together with another have no limb. One picture gives its
    shortest tree; from about five on, limbs are told from what lies close by chance.
    """
    cost = _costs(keypoints.xy)
    count = len(cost)
    known = np.isfinite(cost)
    remoteness = np.where(known, cost, 1 + cost.max(where=known, initial=0)).sum(axis=1)
    outside = np.ones(count, dtype=bool)
    nearest, partner = np.full(count, np.inf), np.full(count, -1)
    limbs = []
    for _ in range(count):  # Prim: the point that is cheapest to join is next
        if np.isfinite(nearest[outside]).any():
            point = int(np.where(outside, nearest, np.inf).argmin())
            limbs.append((int(partner[point]), point))
        else:
            point = int(np.where(outside, remoteness, np.inf).argmin())
        outside[point] = False
        closer = outside & (cost[point] < nearest)
        nearest[closer], partner[closer] = cost[point, closer], point
    return tuple(limbs)


def _costs(xy: torch.Tensor) -> np.ndarray:
    """[K, K] from places [B, K, 2], infinite where two points are never seen together."""
    pictures = max(1, _MOST_DISTANCES // xy.shape[1] ** 2)
    if len(xy) > pictures:
        xy = xy[torch.linspace(0, len(xy) - 1, pictures).long()]
    distance = (xy[:, :, None] - xy[:, None]).norm(dim=-1)
    median = distance.nanmedian(dim=0).values
    deviation = (distance - median).abs().nanmedian(dim=0).values
    return (median + _DEVIATIONS * deviation).nan_to_num(nan=torch.inf).fill_diagonal_(torch.inf).numpy()
