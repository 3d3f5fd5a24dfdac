"""How long things take and what memory they need, on whatever device the host uses."""

import statistics
import time

import torch

from ..attention import host
from ..attention.layers import PUBLISHED
from ..attention.maps import averaged_maps
from ..attention.queries import read_queries
from ..attention.timesteps import seeded_noise
from . import detection_speed, learning_speed
from .measure import measured, peak_memory
from .sides import relative, seeded
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


def read_sd15():
    """The queries of two 512 x 512 pictures, float32, at SD1.5's size, and what they take with the attention that the
    host runs by itself: on a CPU another one.
    """
    _, ours = random_sd15()
    by_itself = ours.clone()
    options = by_itself.model_options.setdefault("transformer_options", {})
    options["optimized_attention_override"] = lambda own, *args, **rest: own(*args, **rest)
    latents, prompt = seeded(2, 4, 64, 64, seed=1), seeded(1, 77, 768, seed=2)
    seconds, peaks, queries = {"ours": [], "host": []}, {"ours": [], "host": []}, {}
    for _ in range(STEPS):
        for side, model in (("ours", ours), ("host", by_itself)):
            with host.open_unet(model, latents.shape) as unet:
                # They come back on the CPU, which waits for a GPU.
                read = measured(lambda unet=unet: read_queries(unet, latents, prompt, t=250, layers=PUBLISHED))
            queries[side] = read[0]
            seconds[side].append(read[1])
            peaks[side].append(read[2])
    median = {side: statistics.median(taken) for side, taken in seconds.items()}
    highest = {side: max(taken) for side, taken in peaks.items()}
    for side in seconds:
        yield f"seconds_{side}", median[side], "s for two pictures", 0
        yield f"peak_gib_{side}", highest[side] / 2**30, "GiB above the weights", 0
    yield "speedup", median["host"] / median["ours"], "times", 0
    yield "memory_ratio", highest["ours"] / highest["host"], "of the host's", 0
    pairs = zip(queries["ours"], queries["host"], strict=True)
    yield "query_rel_diff", max(relative(a.q, b.q) for a, b in pairs), "furthest layer", 0


CASES = {"maps-sd15": maps_sd15, "read-sd15": read_sd15, **detection_speed.CASES, **learning_speed.CASES}
NIGHTLY = {}  # cases that take hours
