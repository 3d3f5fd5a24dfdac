"""Steps of the published recipe: what they take when it is written plainly, and when ours takes them.

Both sides take their steps in turn, in one process. Ours encodes its pictures up front; what that costs is
printed, and so is the speedup when every step has to pay for the encoding of a fresh warped copy.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..attention import host
from ..keypoints.warps import no_warps
from . import plain_recipe, twins
from .measure import device
from .sides import (
    Pair,
    Side,
    Step,
    cosine,
    demo_figures,
    in_turn,
    make_batches,
    our_side,
    published_side,
    relative,
    seeded,
)

TOKENS = 500
STEPS = 3
GIB = 2**30


def compare(unet, model, encode: Callable, pictures: torch.Tensor, *, pictures_per_step: int):
    """Rows of STEPS steps of both sides, in turn, from the same tokens. Returns the first steps of both."""
    with host.open_unet(model, (2, 4, *_latent_size(pictures)), gradients=True) as opened:
        context = starting_tokens(opened.device)
        batches, encoding = make_batches(pictures, encode, opened.device, pictures_per_step)
        published, ours = published_side(unet, encode, context), our_side(opened, context)
        plain_steps, our_steps = in_turn(published, ours, batches)
        yield from ratios(plain_steps, our_steps)
        yield from agreement(plain_steps[0], our_steps[0])
        yield from tokens_apart(published, ours, context)
        # The preset takes a fresh copy for every draw: that one is encoded once, the picture itself never again.
        seconds = [statistics.median(step.seconds for step in steps) for steps in (plain_steps, our_steps)]
        yield "seconds_encode", encoding, "s per picture, up front", 0
        yield "speedup_with_encoding", seconds[0] / (seconds[1] + pictures_per_step * encoding), "times", 0
        fused = published_side(unet, encode, context, fused=True)
        yield from ratios([fused.step(batches[0])], our_steps, "_fused")  # one step: beside the comparison
        if opened.device.type == "cuda":
            yield share_of_peak(ours, batches[0], opened)
    return plain_steps[0], our_steps[0]


def agree_in_float64(encode: Callable, pictures: torch.Tensor, in_float32: tuple[Step, Step], pictures_per_step: int):
    """Rows of the same steps of the demo model with both UNets in float64, where rounding decides nothing, and of the
    float32 gradients of (published, ours) against the published one found here.
    """
    unet, model, _ = twins.demo(torch.float64)
    with host.open_unet(model, (2, 4, *_latent_size(pictures)), gradients=True) as opened:
        context = starting_tokens(opened.device)
        batches, _ = make_batches(pictures, encode, opened.device, pictures_per_step)
        published, ours = published_side(unet.to(opened.device), encode, context), our_side(opened, context)
        plain_steps, our_steps = in_turn(published, ours, batches)
        for metric, *row in (*agreement(plain_steps[0], our_steps[0]), *tokens_apart(published, ours, context)):
            yield f"{metric} float64", *row
    for side, step in zip(("published", "ours"), in_float32, strict=True):
        yield f"grad_cosine_{side} float32 to float64", cosine(step.gradient, plain_steps[0].gradient), "", 0


def starting_tokens(device: torch.device) -> torch.Tensor:
    """[1, TOKENS, 768] from which both sides go."""
    return seeded(1, TOKENS, 768, seed=3).to(device)


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
    yield "grad_cosine", cosine(ours.gradient, plain.gradient), "", 0


def tokens_apart(published: Side, ours: Side, first: torch.Tensor):
    """How far the two are apart after their steps: of their length, and of the way they went."""
    yield f"tokens_after_{STEPS}_steps_rel_diff", relative(ours.tokens, published.tokens), "", 0
    yield f"moves_after_{STEPS}_steps_rel_diff", relative(ours.tokens - first, published.tokens - first), "", 0


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
    """The demo model, 256 x 256, 500 tokens, four pictures a step as published: float32, then what agrees in float64.

    Where a sharp self-attention stands between two keys, what float32 rounds off decides, and turns the gradient. A
    picture of the first step is of that kind, so that in float32 the two sides differ there, whatever they compute.
    """
    unet, model, vae = twins.demo()

    def encode(picture):
        return host.encode_pictures(model, vae, picture.movedim(1, -1).cpu()).to(picture.device)

    per_step = plain_recipe.PICTURES_PER_STEP
    pictures = demo_figures(STEPS * per_step, 256)
    first = yield from compare(unet.to(device()), model, encode, pictures, pictures_per_step=per_step)
    yield from agree_in_float64(encode, pictures, first, per_step)


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
