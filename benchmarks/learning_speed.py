"""One gradient of the published loss: the plain recipe against ours, on the same weights, pictures, noise and warps.

Both sides take their steps in turn, in one process. Ours encodes its pictures up front; what that costs is
printed, and so is the speedup when every step has to pay for the encoding of a fresh warped copy.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..attention import host
from ..demo.figures import draw_figure
from ..keypoints.learner import gradient_step
from ..keypoints.recipes import UNLABELLED
from ..keypoints.warps import no_warps, random_warps
from . import plain_recipe, twins
from .measure import device, peak_memory

TOKENS = 500
STEPS = 3
FIRST = 5000  # number of the first demo figure that is shown
GIB = 2**30


@dataclass(frozen=True)
class Pair:
    """A picture and its warped copy, as one gradient needs them.

    picture                  [1, 3, H, W] in 0..1
    theta                    [1, 2, 3] of the warp
    noise, noise_warped      [1, 4, h, w]
    latents, latents_warped  [1, 4, h, w], encoded up front
    """

    picture: torch.Tensor
    theta: torch.Tensor
    noise: torch.Tensor
    noise_warped: torch.Tensor
    latents: torch.Tensor
    latents_warped: torch.Tensor


@dataclass(frozen=True)
class Step:
    """What one step of the optimiser took: seconds, bytes above the weights, mean loss, gradient [1, N, 768]."""

    seconds: float
    peak: int
    loss: float
    gradient: torch.Tensor


class Side:
    """Tokens that one of the two learns.

    gradient_of  (pair, tokens [1, N, 768]) -> (loss, gradient [1, N, 768])
    """

    def __init__(self, gradient_of: Callable, context: torch.Tensor):
        self.gradient_of = gradient_of
        self.tokens = context.clone().requires_grad_()
        self.optimiser = torch.optim.Adam([self.tokens], lr=plain_recipe.RATE)

    def step(self, pairs: list[Pair]) -> Step:
        """One step on the mean loss of some pairs, taken one after the other."""
        loss, gradient = 0.0, torch.zeros_like(self.tokens)
        with peak_memory() as peak:
            start = time.perf_counter()
            for pair in pairs:
                of_pair, part = self.gradient_of(pair, self.tokens)
                loss += float(of_pair) / len(pairs)
                gradient += part.detach() / len(pairs)
            self.tokens.grad = gradient
            self.optimiser.step()
            self.tokens.sum().item()  # waits for a GPU
            seconds = time.perf_counter() - start
        return Step(seconds, peak[0], loss, gradient.clone())


def published_side(unet, encode, context: torch.Tensor, *, fused: bool = False) -> Side:
    recipe = plain_recipe.PlainRecipe(unet, encode, fused=fused)

    def gradient_of(pair, tokens):
        loss, _ = recipe.loss(pair.picture, pair.theta, pair.noise, pair.noise_warped, tokens)
        (gradient,) = torch.autograd.grad(loss, tokens)
        return loss.item(), gradient

    return Side(gradient_of, context)


def our_side(unet: host.Unet, context: torch.Tensor) -> Side:
    def gradient_of(pair, tokens):
        loss, gradient = gradient_step(
            unet, pair.latents, pair.latents_warped, pair.theta, pair.noise, pair.noise_warped,
            tokens.detach(), UNLABELLED["published"],
        )  # fmt: skip
        return loss, gradient[None].to(tokens.device)

    return Side(gradient_of, context)


def seeded(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def demo_figures(count: int, size: int) -> torch.Tensor:
    """[B, 3, size, size] in 0..1."""
    drawn = np.stack([draw_figure(seed, size).picture for seed in range(FIRST, FIRST + count)])
    return torch.from_numpy(drawn).float().movedim(-1, 1) / 255


def make_pairs(pictures: torch.Tensor, encode: Callable, device: torch.device) -> tuple[list[Pair], float]:
    """(pairs with seeded warps and noise, seconds to encode one picture)."""
    thetas = random_warps(len(pictures), torch.Generator().manual_seed(2)).to(device)
    pairs, seconds = [], []
    for number, (picture, theta) in enumerate(zip(pictures.to(device).split(1), thetas.split(1), strict=True)):
        start = time.perf_counter()
        with torch.no_grad():
            latents, latents_warped = encode(picture), encode(plain_recipe.warp(picture, theta))
        latents.sum().item()
        seconds.append((time.perf_counter() - start) / 2)
        noise, noise_warped = (seeded(*latents.shape, seed=10 + 2 * number + k).to(device) for k in (0, 1))
        pairs.append(Pair(picture, theta, noise, noise_warped, latents, latents_warped))
    return pairs, statistics.median(seconds)


def compare(unet, model, encode: Callable, pictures: torch.Tensor, *, pictures_per_step: int):
    """Rows of STEPS steps of both sides, in turn, from the same tokens."""
    context = seeded(1, TOKENS, 768, seed=3)
    with host.open_unet(model, (2, 4, *_latent_size(pictures)), gradients=True) as opened:
        device = opened.device
        pairs, encoding = make_pairs(pictures, encode, device)
        batches = [pairs[first : first + pictures_per_step] for first in range(0, len(pairs), pictures_per_step)]
        published, ours = published_side(unet, encode, context.to(device)), our_side(opened, context.to(device))
        plain_steps, our_steps = [], []
        for batch in batches:
            plain_steps.append(published.step(batch))
            our_steps.append(ours.step(batch))
        yield from ratios(plain_steps, our_steps)
        yield from agreement(plain_steps[0], our_steps[0])
        yield "tokens_after_3_steps_rel_diff", relative(ours.tokens, published.tokens), "", 0
        moved = (side.tokens - context.to(device) for side in (ours, published))
        yield "moves_after_3_steps_rel_diff", relative(*moved), "", 0
        # The preset takes a fresh copy for every draw: that one is encoded once, the picture itself never again.
        seconds = [statistics.median(step.seconds for step in steps) for steps in (plain_steps, our_steps)]
        yield "seconds_encode", encoding, "s per picture, up front", 0
        yield "speedup_with_encoding", seconds[0] / (seconds[1] + pictures_per_step * encoding), "times", 0
        fused = published_side(unet, encode, context.to(device), fused=True)
        yield from ratios([fused.step(batches[0])], our_steps, "_fused")  # one step: beside the comparison
        if device.type == "cuda":
            yield share_of_peak(ours, batches[0], opened)


def ratios(plain_steps: list[Step], our_steps: list[Step], kind: str = ""):
    """Seconds and memory of both sides; kind "_fused": the plain recipe with torch's fused attention elsewhere."""
    plain, ours = (statistics.median(step.seconds for step in steps) for steps in (plain_steps, our_steps))
    plain_peak, our_peak = (max(step.peak for step in steps) for steps in (plain_steps, our_steps))
    yield f"seconds_published{kind}", plain, "s per step", 0
    if not kind:
        yield "seconds_ours", ours, "s per step", 0
    yield f"speedup{kind}", plain / ours, "times", 0
    yield f"memory_published{kind}_gib", plain_peak / GIB, "GiB above the weights", 0
    if not kind:
        yield "memory_ours_gib", our_peak / GIB, "GiB above the weights", 0
    yield f"memory_ratio{kind}", our_peak / plain_peak, "of published", 0


def agreement(plain: Step, ours: Step):
    """Of the first step, which both take from the same tokens."""
    yield "loss_rel_diff", abs(ours.loss - plain.loss) / abs(plain.loss), "", 0
    both = (step.gradient.flatten().double() for step in (ours, plain))
    yield "grad_cosine", torch.nn.functional.cosine_similarity(*both, 0).item(), "", 0


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def _latent_size(pictures: torch.Tensor) -> tuple[int, int]:
    return pictures.shape[-2] // 8, pictures.shape[-1] // 8


def share_of_peak(side: Side, batch: list[Pair], unet: host.Unet):
    """Floating point operations per second of a step, of what a large matrix product reaches on the same device.
    Counted in one step, timed in the next.
    """
    with FlopCounterMode(display=False) as counted:
        side.step(batch)
    rate = counted.get_total_flops() / side.step(batch).seconds
    return "share_of_peak", rate / peak_rate(unet.dtype, unet.device), "of a matrix product's rate", 0


def peak_rate(dtype: torch.dtype, device: torch.device, side: int = 8192) -> float:
    """What the device reaches in one large matrix product, as the host has set its precision."""
    one = torch.randn(side, side, dtype=dtype, device=device)
    seconds = []
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        one @ one
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds)


def learn_sd15():
    """SD1.5's size, random weights, 512 x 512, 500 tokens, one picture a step; float32, and on a GPU also what the
    host takes there by default, on both sides.
    """
    pictures, encode = demo_figures(STEPS, 512), twins.random_sd_encoder(device())
    unet, model = twins.random_sd15()
    yield from compare(unet.to(device()), model, encode, pictures, pictures_per_step=1)
    if torch.cuda.is_available():
        del unet, model
        unet, model = twins.random_sd15(dtype=None)
        dtype = model.model.get_dtype_inference()
        rows = compare(unet.to(device(), dtype), model, encode, pictures, pictures_per_step=1)
        for metric, *row in rows:
            yield f"{metric} {str(dtype).removeprefix('torch.')}", *row


def learn_demo():
    """The demo model, 256 x 256, 500 tokens, float32, four pictures a step as published."""
    unet, model, vae = twins.demo()
    unet.to(device())

    def encode(picture):
        return host.encode_pictures(model, vae, picture.movedim(1, -1).cpu()).to(picture.device)

    count = STEPS * plain_recipe.PICTURES_PER_STEP
    per_step = plain_recipe.PICTURES_PER_STEP
    yield from compare(unet, model, encode, demo_figures(count, 256), pictures_per_step=per_step)


def learn_growth():
    """Seconds and memory of one gradient of ours at SD1.5's size, as one of the three grows."""
    _, model = twins.random_sd15()
    plan = [("tokens", tokens, (tokens, 512, 1)) for tokens in (100, 250, 500, 1000)]
    plan += [("side", side, (TOKENS, side, 1)) for side in (256, 512, 768, 1024)]
    plan += [("batch", batch, (TOKENS, 512, batch)) for batch in (1, 2, 4)]
    known: dict[tuple, Step] = {}
    for what, value, problem in plan:
        if problem not in known:
            known[problem] = one_gradient(model, *problem)
        yield f"seconds {what}={value}", known[problem].seconds, "s per gradient", 0
        yield f"peak_gib {what}={value}", known[problem].peak / GIB, "GiB above the weights", 0


def one_gradient(model, tokens: int, side: int, batch: int) -> Step:
    """Of `batch` pairs at once. What it takes does not depend on what is in the latents."""
    shape = (batch, 4, side // 8, side // 8)
    with host.open_unet(model, (2 * batch, *shape[1:]), gradients=True) as unet:
        parts = [seeded(*shape, seed=seed).to(unet.device) for seed in range(4)]
        theta = no_warps(batch).to(unet.device)
        pair = Pair(torch.empty(0), theta, *parts)
        return our_side(unet, seeded(1, tokens, 768, seed=4).to(unet.device)).step([pair])


CASES = {"learn-sd15": learn_sd15, "learn-demo": learn_demo, "learn-growth": learn_growth}
