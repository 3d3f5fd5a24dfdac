"""How near found points are to true ones: the papers' metrics, over labelled points only.

Throughout, `xy` [B, J, 2] are found points and `truth` [B, J, 2] the labels of the same joints in the same order, in
0..1 of width and of height apart, NaN where not labelled. Unlabelled points do not count, in whatever way they were
found. A labelled point that was not found (NaN in `xy`) counts as a miss. Results per joint are [J], NaN for a joint
that is labelled nowhere, so `.nanmean()` is the average over joints.
"""

from collections.abc import Sequence

import torch

from .skeletons import other_side

WITHIN = 0.1  # of the picture's side: near enough to be on a joint


def distances(xy: torch.Tensor, truth: torch.Tensor, scale: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
    """[B, J] distance of each point to its label, NaN where not labelled, infinite where not found.

    `scale` is (width, height) for a distance in pixels; without it a distance is in parts of the picture's sides.
    Raises ValueError when the shapes differ.
    """
    if xy.shape != truth.shape or xy.ndim != 3 or xy.shape[-1] != 2:
        raise ValueError(
            f"Found and true points must have the same shape [pictures, joints, 2], got {list(xy.shape)} and "
            f"{list(truth.shape)}."
        )
    between = (xy - truth) * torch.tensor(scale, dtype=xy.dtype)
    return between.norm(dim=-1).nan_to_num(nan=torch.inf).masked_fill(~_labelled(truth), torch.nan)


def mean_l2(xy: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """[J] mean distance in parts of the picture's side (CUB's metric in Hedlin et al., section 4).

    A point that was not found counts as the square root of 2, the picture's diagonal: nothing inside is farther.
    """
    return distances(xy, truth).nan_to_num(nan=torch.nan, posinf=2**0.5).nanmean(dim=0)


def pck(xy: torch.Tensor, truth: torch.Tensor, thresholds: Sequence[float]) -> torch.Tensor:
    """[T, J] share of correct keypoints: those at most each of T thresholds away, in parts of the picture's side."""
    away = distances(xy, truth)
    return torch.stack([_share(away <= threshold, truth) for threshold in thresholds])


def hit_within_pixels(
    xy: torch.Tensor, truth: torch.Tensor, radius: float, width: float, height: float
) -> torch.Tensor:
    """[J] share of points at most `radius` pixels from their label in pictures of a size.

    Schofield et al. count hits within 40 pixels.
    """
    return _share(distances(xy, truth, (width, height)) <= radius, truth)


def left_right_confusion(xy: torch.Tensor, truth: torch.Tensor, names: Sequence[str], within: float = WITHIN) -> float:
    """Share of the points of left_ and right_ joints that lie on the same joint of the other side.

    Counted are points whose own joint and whose partner are both labelled. On the other side is a point that is
    nearer to the partner's label than to its own, and at most `within` from it. NaN where nothing can be counted.
    """
    partners = other_side(tuple(names))
    paired = torch.tensor([i != partner for i, partner in enumerate(partners)])
    own, other = distances(xy, truth), distances(xy, truth[:, list(partners)])
    counted = paired & _labelled(truth) & ~other.isnan()
    confused = (other < own) & (other <= within)
    return confused[counted].double().mean().item()


def consistency(xy: torch.Tensor, truth: torch.Tensor, within: float = WITHIN) -> tuple[torch.Tensor, torch.Tensor]:
    """How faithfully each of K unlabelled keypoints stays with one joint: (share [K], index of that joint [K]).

    xy [B, K, 2] and truth [B, J, 2] need not have the same number of points. The share is that of the pictures in
    which the keypoint lies at most `within` from the joint, among those where that joint is labelled; the joint is the
    one with the highest share.
    """
    labelled = _labelled(truth)
    near = (xy[:, :, None] - truth[:, None]).norm(dim=-1) <= within  # [B, K, J], False where either is NaN
    shares = near.sum(dim=0) / labelled.sum(dim=0).clamp(min=1)
    return shares.max(dim=1)


def roc_auc(score: torch.Tensor, truth: torch.Tensor) -> float:
    """Area under the ROC curve, 0..1: the chance that a true case scores higher than a false one, ties half.

    score and truth (bool) of any equal shape. Exact, by ranks. Raises ValueError when all cases are of one kind, or
    a score is no number.
    """
    score, truth = score.flatten(), truth.flatten().bool()
    positive, negative = int(truth.sum()), int((~truth).sum())
    if score.shape != truth.shape or score.isnan().any() or not positive or not negative:
        raise ValueError(
            f"A ROC curve needs a score for each case, and true as well as false cases; got {len(score)} scores, "
            f"{int(score.isnan().sum())} of them not numbers, for {positive} true and {negative} false cases."
        )
    _, place, counts = score.unique(return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0).double() - (counts.double() - 1) / 2  # equal scores share the mean of their ranks
    return ((ranks[place][truth].sum() - positive * (positive + 1) / 2) / (positive * negative)).item()


def _labelled(truth: torch.Tensor) -> torch.Tensor:
    return ~truth.isnan().any(dim=-1)


def _share(hit: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """[J] share of hits [B, J] among labelled points, NaN where there are none."""
    labelled = _labelled(truth)
    return (hit & labelled).sum(dim=0) / labelled.sum(dim=0)
