"""Pictures of the demo world as the nodes hand them on: tensors and true keypoints."""

import numpy as np
import torch

from ..keypoints.keypoints import Keypoints
from ..keypoints.skeletons import FIGURE_14
from .figures import draw_figure

UNSEEN = 1_000_000  # figures from this seed on are for training


def demo_pictures(first: int, count: int) -> tuple[torch.Tensor, Keypoints, list[tuple[str, ...]]]:
    """(pictures [B, 256, 256, 3] in 0..1, their true joints, the colours of their parts) of unseen figures."""
    if first + count > UNSEEN:
        raise ValueError(f"Demo pictures are numbered 0 to {UNSEEN - 1}; asked for {first} to {first + count - 1}.")
    figures = [draw_figure(seed) for seed in range(first, first + count)]
    images = torch.from_numpy(np.stack([figure.picture for figure in figures])).float() / 255
    keypoints = Keypoints(
        xy=torch.from_numpy(np.stack([figure.joints for figure in figures])),
        score=torch.ones(count, len(FIGURE_14.names)),
        visible=torch.from_numpy(np.stack([figure.visible for figure in figures])),
        names=FIGURE_14.names,
        skeleton=FIGURE_14.limbs,
    )
    return images, keypoints, [figure.colours for figure in figures]
