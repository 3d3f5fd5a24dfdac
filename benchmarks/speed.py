"""How long things take and what memory they need, on whatever device the host uses."""

import statistics
import time

import torch

from ..attention import host
from ..attention.layers import PUBLISHED
from ..attention.maps import averaged_maps
from ..attention.timesteps import seeded_noise
from . import detection_speed, learning_speed
from .measure import peak_memory
from .twins import random_sd15

TOKENS = 500
STEPS = 3


def maps_sd15():
    """One gradient of the maps of 500 tokens for one 512 x 512 picture, float32, at SD1.5's size."""
    _, model = random_sd15()
    latents = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(1))
    context = torch.randn(1, TOKENS, 768, generator=torch.Generator().manual_seed(2))
    seconds, peaks = [], []
    with host.open_unet(model, latents.shape, gradients=True, head_bytes=2**29) as unet:
        for _ in range(STEPS):
            with peak_memory() as peak:
                start = time.perf_counter()
                tokens = context.clone().to(unet.device).requires_grad_()
                recorder = unet.recorder(PUBLISHED)
                unet.run(latents, seeded_noise(latents, 0), 0, tokens, recorder)
                maps = averaged_maps(recorder.taken(), (128, 128))
                loss = maps.square().mean()
                (gradient,) = torch.autograd.grad(loss, tokens)
                gradient.norm().item()  # waits for a GPU
                seconds.append(time.perf_counter() - start)
                del recorder, maps, loss, gradient, tokens
            peaks.append(peak[0])
    yield "peak_gib", max(peaks) / 2**30, "GiB above the weights", 0
    yield "seconds", statistics.median(seconds), "s per gradient step", 0


CASES = {"maps-sd15": maps_sd15, **detection_speed.CASES, **learning_speed.CASES}
