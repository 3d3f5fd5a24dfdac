"""Pictures in, averaged cross-attention maps out, without gradients, in batches that the device can hold.

The learning loops do the same with gradients: `unet.run` into a recorder, then `averaged_maps`.
"""

from collections.abc import Callable

import torch

from .layers import PUBLISHED
from .maps import averaged_maps
from .timesteps import DEFAULT_T, seeded_noise


def read_maps(
    unet,
    latents: torch.Tensor,
    context: torch.Tensor,
    *,
    size: tuple[int, int],
    t: int = DEFAULT_T,
    seed: int = 0,
    layers: tuple[str, ...] = PUBLISHED,
    batch: int = 4,
    on_batch: Callable[[int], None] = lambda done: None,
) -> torch.Tensor:
    """[B, N, R, R'] float32 on the CPU: the maps of latents [B, 4, h, w] for context [B or 1, N, 768].

    unet      an opened UNet of the host
    size      (R, R') of the maps, see `map_size`
    t         timestep 0..999; noise is seeded for each picture by its place in the batch
    batch     pictures in one forward pass
    on_batch  called with the number of pictures done, for progress and cancel
    """
    results = []
    for first in range(0, len(latents), batch):
        part = latents[first : first + batch]
        rows = context if len(context) == 1 else context[first : first + batch]
        recorder = unet.recorder(layers, context_length=rows.shape[1])
        unet.run(part, seeded_noise(part, seed, first), t, rows, recorder)
        results.append(averaged_maps(recorder.taken(), size).cpu())
        on_batch(first + len(part))
    return torch.cat(results)
