"""Which tokens are keypoints: local ones (Hedlin et al. eq. 9), far apart (eq. 10), voted for by many pictures."""

from collections.abc import Sequence

import torch

from .targets import at_peaks, peaks

SIGMA = 2.0  # cells of a 128 map
LOCAL = 25  # kappa in the paper
EPSILON = 1e-5


def spread(maps: torch.Tensor, sigma: float = SIGMA) -> torch.Tensor:
    """[..., N]: KL(G || map) of maps [..., N, R, R'], small for a single bright peak (eq. 9).

    As published: G is the Gaussian at the map's maximum, raised by 1e-5 and normalised, and the map is turned into
    a distribution by a softmax over places.
    """
    target = at_peaks(maps, sigma).flatten(-2) + EPSILON
    target = target / target.sum(-1, keepdim=True)
    return (target * (target.log() - maps.flatten(-2).log_softmax(-1))).sum(-1)


def most_local(maps: torch.Tensor, count: int = LOCAL, sigma: float = SIGMA) -> torch.Tensor:
    """[min(count, N)] rows of maps [N, R, R'] with the smallest spread, best first."""
    return spread(maps, sigma).argsort(stable=True)[:count]


def furthest_points(xy: torch.Tensor, count: int) -> torch.Tensor:
    """[min(count, M)] indices of points xy [M, 2] that lie far apart (eq. 10).

    Starts from the two that are furthest from each other, then adds the one furthest from all chosen.
    """
    distance = torch.cdist(xy, xy).fill_diagonal_(-1)  # where all lie in one place, a point is still no pair
    first = int(distance.argmax())
    chosen = [first // len(xy), first % len(xy)] if len(xy) > 1 else [0]
    chosen = chosen[:count]
    nearest = distance[chosen].amin(0)
    while len(chosen) < min(count, len(xy)):
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, distance[chosen[-1]])
    return torch.tensor(chosen, device=xy.device)


def chosen_in_picture(maps: torch.Tensor, where: torch.Tensor, keypoints: int, local: int = LOCAL) -> torch.Tensor:
    """[K] rows: the most local of maps [N, R, R'], and of these the furthest apart by their peaks in `where`.

    Learning measures the peaks on the warped picture, the final choice on the original, as published.
    """
    rows = most_local(maps, local)
    return rows[furthest_points(peaks(where[rows]), keypoints)]


def vote(ballots: Sequence[torch.Tensor], tokens: int, keypoints: int) -> tuple[int, ...]:
    """The K of N tokens that were chosen in most pictures (section 3.2), most votes first."""
    counts = torch.zeros(tokens, dtype=torch.long)
    for rows in ballots:
        counts[rows.cpu()] += 1
    return tuple(counts.argsort(descending=True, stable=True)[:keypoints].tolist())
