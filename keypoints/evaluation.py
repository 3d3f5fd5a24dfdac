"""One batch of found keypoints against its labels: all metrics, as a table and as a chart."""

import math
from dataclasses import dataclass

import torch

from .keypoints import Keypoints
from .metrics import hit_within_pixels, left_right_confusion, mean_l2, pck, roc_auc
from .plots import bar_plot
from .tables import text_table


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of J joints that were found as well as labelled.

    names        J names
    shares       [J] in 0..1 by name of the measure: PCK at each threshold, then hits within the radius
    l2           [J] mean distance in parts of the picture's side
    points       [J] how many labels each joint has
    confusion    share of points on the same joint of the other side; NaN without paired joints
    auc          how well the score tells visible from hidden points; NaN where all labels are of one kind
    left_out     names of joints that were found or labelled, but not both
    Shares and l2 are NaN for a joint without labels.
    """

    names: tuple[str, ...]
    shares: dict[str, torch.Tensor]
    l2: torch.Tensor
    points: torch.Tensor
    confusion: float
    auc: float
    left_out: tuple[str, ...]

    @property
    def mean_pck(self) -> float:
        """PCK at the last threshold, averaged over the joints that have labels."""
        *_, last, _ = self.shares.values()
        return last.nanmean().item()


def parse_thresholds(text: str) -> tuple[float, ...]:
    """Thresholds out of a line such as "0.05, 0.1". Raises ValueError unless they are 1 to 8 numbers in 0..1."""
    try:
        found = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        found = ()
    if not 1 <= len(found) <= 8 or not all(0 < threshold <= 1 for threshold in found):
        raise ValueError(
            f'Thresholds are 1 to 8 numbers above 0 and up to 1, in parts of the picture\'s side, such as "0.05, 0.1"; '
            f'got "{text}".'
        )
    return found


def evaluate(
    keypoints: Keypoints,
    labels: Keypoints,
    *,
    thresholds: tuple[float, ...],
    radius: float,
    width: int,
    height: int,
    visible_only: bool = False,
) -> Evaluation:
    """Compare found keypoints [B, K] with labels [B, J] of the same pictures, joint by joint of the same name.

    thresholds    of PCK, in parts of the picture's side
    radius        of hits, in pixels of pictures of `width` and `height`
    visible_only  count only labels that are marked as visible

    Raises ValueError, in words, when the numbers of pictures differ, no names agree or nothing is labelled.
    """
    if len(keypoints.xy) != len(labels.xy):
        raise ValueError(
            f"There are keypoints of {len(keypoints.xy)} pictures but labels of {len(labels.xy)}. Connect both for the "
            f"same pictures, in the same order."
        )
    names = tuple(name for name in labels.names if name in keypoints.names)
    if not names:
        raise ValueError(
            f"No name is the same: the keypoints are {', '.join(keypoints.names)}, the labels "
            f"{', '.join(labels.names)}. Use Fit Landmarks and Apply Landmarks for keypoints without names."
        )
    found_at = [keypoints.names.index(name) for name in names]
    labelled_at = [labels.names.index(name) for name in names]
    visible = labels.visible[:, labelled_at]
    xy, truth = keypoints.xy[:, found_at], labels.xy[:, labelled_at]
    if visible_only:
        truth = truth.masked_fill(~visible[..., None], torch.nan)
    labelled = ~truth.isnan().any(dim=-1)
    if not labelled.any():
        kind = "labelled as visible" if visible_only else "labelled"
        raise ValueError(f"In {len(labels.xy)} pictures none of these is {kind}: {', '.join(names)}. Label some.")
    shares = pck(xy, truth, thresholds)
    hits = hit_within_pixels(xy, truth, radius, width, height)
    return Evaluation(
        names=names,
        shares={
            **{f"PCK@{threshold:g}": share for threshold, share in zip(thresholds, shares, strict=True)},
            f"hit@{radius:g}px": hits,
        },
        l2=mean_l2(xy, truth),
        points=labelled.sum(dim=0),
        confusion=left_right_confusion(xy, truth, names),
        auc=_auc(keypoints.score[:, found_at][labelled], visible[labelled]),
        left_out=tuple(sorted(set(keypoints.names) ^ set(labels.names))),
    )


def _auc(score: torch.Tensor, visible: torch.Tensor) -> float:
    return roc_auc(score, visible) if visible.any() and not visible.all() else math.nan


def evaluation_table(result: Evaluation) -> str:
    """All metrics as a Markdown table, a row for each joint and one for their mean, and what else there is to say."""
    measures = [*result.shares.values(), result.l2]
    digits = [3] * len(result.shares) + [4]
    rows = [
        (name, *(_cell(m[j], n) for m, n in zip(measures, digits, strict=True)), str(int(result.points[j])))
        for j, name in enumerate(result.names)
    ]
    means = (_cell(measure.nanmean(), n) for measure, n in zip(measures, digits, strict=True))
    rows.append(("mean", *means, str(int(result.points.sum()))))
    lines = [text_table(["joint", *result.shares, "mean l2", "points"], rows), ""]
    if not math.isnan(result.confusion):
        lines.append(f"Left and right confused: {100 * result.confusion:.1f} % of the points that have two sides.")
    if not math.isnan(result.auc):
        lines.append(f"Score against visibility: area under the ROC curve {result.auc:.3f}.")
    if result.left_out:
        lines.append(f"Not compared, since not both found and labelled: {', '.join(result.left_out)}.")
    return "\n".join(lines).rstrip()


def evaluation_plot(result: Evaluation) -> torch.Tensor:
    """The shares of every joint and their mean as bars: a picture [1, H, W, 3]."""
    shares = {name: torch.cat([share, share.nanmean()[None]]) for name, share in result.shares.items()}
    return bar_plot(shares, [*result.names, "mean"], title="share of points found")


def _cell(value: torch.Tensor, digits: int) -> str:
    return "-" if value.isnan() else f"{value:.{digits}f}"
