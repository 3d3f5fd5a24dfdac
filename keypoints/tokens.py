"""Keypoint tokens: a learned context and which of its rows are keypoints; passed between nodes as KEYPOINT_TOKENS."""

from dataclasses import dataclass, field

import torch

from ..attention.layers import CROSS_ATTENTIONS
from ..attention.queries import WIDTH
from ..attention.timesteps import check_timestep


@dataclass(frozen=True, eq=False)
class KeypointTokens:
    """A learned context, with the rows that were picked as keypoints, and how it is to be read.

    context      [N, 768] float32, all learned rows: they are the whole context of the UNet, and the rows
                 that are no keypoints take the attention of everything else
    picked       K different rows of the context, the keypoints
    names        K different names
    skeleton     pairs (i, j) of keypoints that a limb joins; may be empty
    layers       names of the cross-attentions that are averaged
    t            timestep at which pictures are read, 0..999
    map_size     longer side of the maps
    hidden       the row of the context whose share rises where something lies over a keypoint (see occlusion.py),
                 or None
    calibration  [K, 2] float32 (slope, offset), or None: the chance that a keypoint is visible is
                 sigmoid(slope * evidence + offset), the evidence as in calibration.py
    arrangement  [2, K, K] float32 mean and spread of the distances between keypoints (see arrangement.py), or None:
                 each is looked for by itself
    learned      how it was learned: plain text, whole numbers and fractions by name ("preset", "steps", ...)

    Tensors are kept on the CPU. Raises ValueError, in words, when the parts do not fit together.
    """

    context: torch.Tensor
    picked: tuple[int, ...]
    names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...] = ()
    layers: tuple[str, ...] = ()
    t: int = 0
    map_size: int = 128
    hidden: int | None = None
    calibration: torch.Tensor | None = None
    arrangement: torch.Tensor | None = None
    learned: dict[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self):
        # A frozen dataclass is set through object: the parts are brought to one form here, once.
        for name in ("context", "calibration", "arrangement"):
            part = getattr(self, name)
            if part is not None:
                object.__setattr__(self, name, torch.as_tensor(part).detach().to("cpu", torch.float32).clone())
        object.__setattr__(self, "picked", tuple(int(row) for row in self.picked))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "skeleton", tuple((int(i), int(j)) for i, j in self.skeleton))
        object.__setattr__(self, "layers", tuple(self.layers))
        self._check()

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows whose maps detection needs: the keypoints and, last, the one for hidden ones, where there is one."""
        return self.picked if self.hidden is None else (*self.picked, self.hidden)

    def _check(self):
        if self.context.ndim != 2 or self.context.shape[0] == 0 or self.context.shape[1] != WIDTH:
            raise ValueError(f"Keypoint tokens need a context of [tokens, {WIDTH}], got {list(self.context.shape)}.")
        if not torch.isfinite(self.context).all():
            raise ValueError("Keypoint tokens contain values that are not numbers (NaN or infinity). Learn them again.")
        rows, count = len(self.context), len(self.picked)
        if not count or len(set(self.picked)) != count or not all(0 <= row < rows for row in self.picked):
            raise ValueError(f"Keypoints must be different rows of the context, 0 to {rows - 1}; got {self.picked}.")
        if self.hidden is not None and (not 0 <= self.hidden < rows or self.hidden in self.picked):
            raise ValueError(
                f"The row for hidden keypoints must be one of the context, 0 to {rows - 1}, and no keypoint; "
                f"got {self.hidden}."
            )
        if len(self.names) != count or len(set(self.names)) != count:
            raise ValueError(f"There are {count} keypoints and {len(self.names)} names; each needs one of its own.")
        if any(i == j or not (0 <= i < count and 0 <= j < count) for i, j in self.skeleton):
            raise ValueError(f"A limb needs two different keypoints from 0 to {count - 1}; got {self.skeleton}.")
        if not self.layers or any(layer not in CROSS_ATTENTIONS for layer in self.layers):
            raise ValueError(f"Expected layers among {', '.join(CROSS_ATTENTIONS)}; got {', '.join(self.layers)}.")
        check_timestep(self.t)
        if not 8 <= self.map_size <= 1024:
            raise ValueError(f"The longer side of the maps must be 8 to 1024; got {self.map_size}.")
        if self.calibration is not None and (
            tuple(self.calibration.shape) != (count, 2) or not torch.isfinite(self.calibration).all()
        ):
            raise ValueError(f"The calibration must be [{count}, 2] finite numbers, got {self.calibration.tolist()}.")
        if self.arrangement is not None and (
            tuple(self.arrangement.shape) != (2, count, count)
            or not torch.isfinite(self.arrangement[0]).all()
            or not (self.arrangement[1] > 0).all()
        ):
            raise ValueError(
                f"The arrangement must be [2, {count}, {count}], finite means and spreads above 0; "
                f"got {list(self.arrangement.shape)}."
            )
