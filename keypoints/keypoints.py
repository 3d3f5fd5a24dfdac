"""The keypoints of a batch of pictures: what is passed between nodes as KEYPOINTS."""

from collections import Counter
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Coordinates with confidence, of one batch of pictures.

    xy        [B, K, 2] float32, (x, y) in 0..1 of width and of height apart; a pixel's centre is at +0.5
              of its index. Both NaN where a keypoint is not labelled or was not found
    score     [B, K] float32, confidence, finite; 0..1 unless its maker says otherwise
    visible   [B, K] bool, False where a keypoint is hidden or absent
    names     K different names
    skeleton  pairs (i, j) of keypoints that a limb joins; may be empty

    Tensors are kept on the CPU. Raises ValueError, in words, when the parts do not fit together.
    """

    xy: torch.Tensor
    score: torch.Tensor
    visible: torch.Tensor
    names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...] = ()

    def __post_init__(self):
        # A frozen dataclass is set through object: the parts are brought to one form here, once.
        for field, dtype in (("xy", torch.float32), ("score", torch.float32), ("visible", torch.bool)):
            part = torch.as_tensor(getattr(self, field)).detach()
            object.__setattr__(self, field, part.to(device="cpu", dtype=dtype))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "skeleton", tuple((int(i), int(j)) for i, j in self.skeleton))
        self._check_shapes()
        self._check_values()

    def _check_shapes(self):
        if self.xy.ndim != 3 or self.xy.shape[2] != 2 or 0 in self.xy.shape:
            raise ValueError(
                f"Keypoints need coordinates of shape [pictures, keypoints, 2] with at least "
                f"one of each, got {list(self.xy.shape)}."
            )
        expected = list(self.xy.shape[:2])
        for field in ("score", "visible"):
            got = list(getattr(self, field).shape)
            if got != expected:
                raise ValueError(f"'{field}' must be {expected}, as the coordinates are, got {got}.")
        if len(self.names) != expected[1]:
            raise ValueError(
                f"There are {expected[1]} keypoints but {len(self.names)} names. "
                f"Each keypoint needs one name."
            )

    def _check_values(self):
        twice = sorted(name for name, times in Counter(self.names).items() if times > 1)
        if twice:
            raise ValueError(
                f"Keypoint names must differ from one another, but these occur more than once: "
                f"{', '.join(twice)}."
            )
        for i, j in self.skeleton:
            if i == j or not (0 <= i < len(self.names) and 0 <= j < len(self.names)):
                raise ValueError(
                    f"The skeleton joins keypoints {i} and {j}. A limb needs two different "
                    f"keypoints from 0 to {len(self.names) - 1}."
                )
        if self.xy.isinf().any() or (self.xy.isnan().sum(dim=-1) == 1).any():
            raise ValueError("A keypoint's x and y must be numbers, or both NaN where it is not labelled.")
        if not self.score.isfinite().all():
            raise ValueError("Every keypoint needs a score that is a number; use 0 where it is not labelled.")

    @property
    def labelled(self) -> torch.Tensor:
        """[B, K] bool, True where a keypoint has coordinates."""
        return ~self.xy.isnan().any(dim=-1)

    def to_pixels(self, width: int, height: int) -> torch.Tensor:
        """[B, K, 2] positions (x, y) in a picture of that size; the first pixel's centre is (0.5, 0.5)."""
        return self.xy * torch.tensor([width, height], dtype=torch.float32)
