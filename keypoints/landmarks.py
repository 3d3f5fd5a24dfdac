"""Landmarks out of unlabelled keypoints: the linear regression by which the papers measure what was learned.

Hedlin et al., section 4, after earlier unsupervised work: the landmarks' coordinates are a linear map, without a bias,
of the keypoints' coordinates, both taken from the picture's centre.
"""

from dataclasses import dataclass

import torch

from .keypoints import Keypoints
from .metrics import mean_l2
from .skeletons import other_side

_CENTRE = 0.5
_MOST_ROUNDS = 100  # of swapping sides; a handful is usual


@dataclass(frozen=True, eq=False)
class Landmarks:
    """A linear map from K keypoints to J landmarks.

    weights         [2K, 2J] float32: (x, y) of each landmark from (x, y) of all keypoints, coordinates - 0.5
    names           J different names of landmarks
    skeleton        pairs (i, j) of landmarks that a limb joins; may be empty
    keypoint_names  K names of the keypoints, in the order of the rows
    error           [J] float32, mean distance to the labels that the map was fitted to, in parts of the side
    """

    weights: torch.Tensor
    names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    keypoint_names: tuple[str, ...]
    error: torch.Tensor


def fit_landmarks(
    keypoints: Keypoints,
    labels: Keypoints,
    *,
    visible_only: bool = False,
    swap_sides: bool = False,
    ridge: float = 0.0,
) -> Landmarks:
    """Fit the linear map from keypoints [B, K] to labels [B, J] of the same pictures.

    X [B, 2K] and Y [B, 2J] are coordinates - 0.5, and the weights are pinv(X) Y = pinv(X'X) X'Y. Each landmark is
    fitted over the pictures in which it is labelled, and a picture in which a keypoint was not found is left out.
    With fewer pictures than coordinates this is the smallest map that meets all labels.

    visible_only  use only labels that are marked as visible (CUB, Tai-Chi, CelebA in the paper)
    swap_sides    a figure may be seen from behind: in each picture take the labels, or the labels with left and right
                  exchanged, whichever fit better, fit again, and repeat until nothing changes (Human3.6M in the paper)
    ridge         0 for the papers' pseudo-inverse; above, (X'X + ridge tr(X'X)/2K I)^-1 X'Y, for few pictures

    Raises ValueError, in words, when the numbers of pictures differ or a landmark is labelled nowhere.
    """
    if len(keypoints.xy) != len(labels.xy):
        raise ValueError(
            f"There are keypoints of {len(keypoints.xy)} pictures but labels of {len(labels.xy)}. Connect both for the "
            f"same pictures, in the same order."
        )
    complete = keypoints.labelled.all(dim=1)
    usable = complete[:, None] & labels.labelled & (labels.visible | (not visible_only))
    _check_labelled(usable, labels, int((~complete).sum()), visible_only)
    x = _offsets(keypoints)[complete]
    direct = torch.where(usable[..., None], labels.xy.double() - _CENTRE, torch.nan)[complete]
    target, weights = direct, _solve(x, direct, ridge)
    if swap_sides:
        target, weights = _swap_until_stable(x, direct, weights, ridge, other_side(labels.names))
    return Landmarks(
        weights=weights.flatten(1).float(),
        names=labels.names,
        skeleton=labels.skeleton,
        keypoint_names=keypoints.names,
        error=mean_l2(_predict(x, weights), target).float(),
    )


def apply_landmarks(keypoints: Keypoints, landmarks: Landmarks) -> Keypoints:
    """Landmarks [B, J] of pictures whose keypoints [B, K] were found with the same tokens as those of the fit.

    Every landmark of a picture has the mean score of its keypoints, since it depends on all of them. In a picture
    where a keypoint was not found it is NaN. Raises ValueError when the names are not those of the fit.
    """
    if keypoints.names != landmarks.keypoint_names:
        raise ValueError(
            f"The landmarks were fitted to the keypoints {', '.join(landmarks.keypoint_names)}, but came with "
            f"{', '.join(keypoints.names)}. Find the keypoints with the tokens that the fit was made with."
        )
    weights = landmarks.weights.double().unflatten(1, (len(landmarks.names), 2))
    xy = _predict(_offsets(keypoints), weights) + _CENTRE
    return Keypoints(
        xy=xy,
        score=keypoints.score.mean(dim=1, keepdim=True).expand(xy.shape[:2]),
        visible=~xy.isnan().any(dim=-1),
        names=landmarks.names,
        skeleton=landmarks.skeleton,
    )


def _check_labelled(usable: torch.Tensor, labels: Keypoints, incomplete: int, visible_only: bool) -> None:
    nowhere = [name for name, once in zip(labels.names, usable.any(dim=0), strict=True) if not once]
    if nowhere:
        why = "labelled as visible" if visible_only else "labelled"
        left_out = f" ({incomplete} were left out: not all of their keypoints were found)" if incomplete else ""
        raise ValueError(
            f"No landmark can be fitted that is {why} in none of the {len(usable)} pictures{left_out}: "
            f"{', '.join(nowhere)}. Label it in some picture, or remove it from the labels."
        )


def _offsets(keypoints: Keypoints) -> torch.Tensor:
    """[B, 2K] float64, all coordinates of a picture from its centre."""
    return keypoints.xy.double().flatten(1) - _CENTRE


def _predict(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """[B, J, 2] from x [B, 2K] and weights [2K, J, 2]."""
    return torch.einsum("bk,kjc->bjc", x, weights)


def _solve(x: torch.Tensor, y: torch.Tensor, ridge: float) -> torch.Tensor:
    """Weights [2K, J, 2] from x [B, 2K] and y [B, J, 2], each landmark over the rows where it is not NaN."""
    weights = torch.empty(x.shape[1], *y.shape[1:], dtype=x.dtype)
    # Landmarks that are labelled in the same pictures share one pseudo-inverse.
    patterns, pattern_of = (~y.isnan().any(dim=-1)).T.unique(dim=0, return_inverse=True)
    for number, rows in enumerate(patterns):
        chosen = pattern_of == number
        weights[:, chosen] = torch.einsum("kb,bjc->kjc", _inverse(x[rows], ridge), y[rows][:, chosen])
    return weights


def _inverse(x: torch.Tensor, ridge: float) -> torch.Tensor:
    """[2K, B] such that its product with Y [B, ...] is the solution."""
    if not ridge:
        return torch.linalg.pinv(x)
    gram = x.T @ x
    return torch.linalg.pinv(gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=x.dtype)) @ x.T


def _swap_until_stable(x, direct, weights, ridge: float, partners) -> tuple[torch.Tensor, torch.Tensor]:
    """(target [B, J, 2], weights [2K, J, 2]): the better side for each picture, and the fit to that."""
    swapped, target = direct[:, list(partners)], direct
    for _ in range(_MOST_ROUNDS):
        found = _predict(x, weights)
        errors = [(found - side).square().nansum(dim=(1, 2)) for side in (direct, swapped)]
        chosen = torch.where((errors[1] < errors[0])[:, None, None], swapped, direct)
        unchanged = chosen.allclose(target, rtol=0, atol=0, equal_nan=True)
        if unchanged or chosen.isnan().all(dim=0).any():  # nor may a landmark lose its last label
            break
        target, weights = chosen, _solve(x, chosen, ridge)
    return target, weights
