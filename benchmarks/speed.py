"""How long things take and what memory they need, on whatever device the host uses."""

import gc
import resource
import statistics
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from ..attention import host
from ..attention.layers import PUBLISHED
from ..attention.maps import averaged_maps
from ..attention.timesteps import seeded_noise
from ..demo.model import unet_config

TOKENS = 500
STEPS = 3


def random_sd15():
    """A MODEL of SD1.5's size with random weights: how long it takes does not depend on what they are."""
    torch.manual_seed(0)
    names = host.diffusers_keys(unet_config(320, (1, 2, 4, 4)))
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    weights = {names[name]: weight for name, weight in unet.state_dict().items()}
    return host.build_sd1_model(weights, unet_config(320, (1, 2, 4, 4)))


@contextmanager
def peak_memory():
    """Yields a list; afterwards its one item is the peak in bytes above what was held at the start.

    On a GPU the allocator's own peak; on a CPU the resident memory of the process, sampled every 5 ms.
    """
    result = []
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield result
        torch.cuda.synchronize()
        result.append(torch.cuda.max_memory_allocated() - before)
        return
    before = resident_bytes()
    highest, done = [before], threading.Event()

    def watch():
        while not done.wait(0.005):
            highest[0] = max(highest[0], resident_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        done.set()
        thread.join()
        result.append(highest[0] - before)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def maps_sd15():
    """One gradient of the maps of 500 tokens for one 512 x 512 picture, float32, at SD1.5's size."""
    model = random_sd15()
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


CASES = {"maps-sd15": maps_sd15}
