"""Brings a batch of pictures into the form in which the model can read it, or says why it cannot."""

import torch
from torch.nn.functional import interpolate

SMALLEST = 32  # four latents; with fewer, torch refuses the group norms of a UNet as narrow as the demo's


def readable_pictures(images: torch.Tensor, longest: int | None = None) -> torch.Tensor:
    """[B, H', W', 3] in 0..1 out of [B, H, W, C], C being 1, 3 or 4 (an alpha channel is dropped).

    H' and W' are multiples of 8, the VAE's factor: pictures are scaled to the nearest ones, never cropped,
    so that coordinates in 0..1 stay what they are, and to no less than SMALLEST. With `longest`, larger pictures
    are shrunk to that side.
    Raises ValueError as check_pictures does.
    """
    check_pictures(images)
    pictures = images.expand(*images.shape[:-1], 3) if images.shape[-1] == 1 else images[..., :3]
    height, width = pictures.shape[1:3]
    scale = min(1.0, longest / max(height, width)) if longest else 1.0
    size = tuple(max(SMALLEST, round(side * scale / 8) * 8) for side in (height, width))
    if size != (height, width):
        channels_first = pictures.movedim(-1, 1)
        pictures = interpolate(channels_first, size, mode="bicubic", antialias=True).movedim(1, -1)
    return pictures.clamp(0, 1)


def check_pictures(images: torch.Tensor) -> None:
    """Raises ValueError for an empty batch, a wrong shape, and values that are not finite."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"Expected pictures as [batch, height, width, channels] with 1, 3 or 4 channels; got {list(images.shape)}."
        )
    if 0 in images.shape:
        raise ValueError(f"Expected at least one picture, got an empty batch ({list(images.shape)}).")
    # One picture at a time: the check of a batch at once needs more memory than the batch.
    broken = [number for number, image in enumerate(images, 1) if not torch.isfinite(image).all()]
    if broken:
        raise ValueError(
            f"Picture {', '.join(map(str, broken[:5]))} of {len(images)} contains values that are not numbers (NaN or "
            "infinity). The node that made it failed; a VAE in float16 does this, try --fp32-vae."
        )
