"""Trains the demo models from nothing: autoencoder, latents of drawn figures, UNet, decoder; exports them.

    python -m attention_keypoints.demo.train              everything
    python -m attention_keypoints.demo.train unet         one stage; each resumes where it stopped
    python -m attention_keypoints.demo.train_control      the pose ControlNet, afterwards

Recipe: 10 000 drawn figures, SD's scaled-linear schedule, epsilon prediction with min-SNR-5 weights,
AdamW with cosine decay, exponential moving average. About two hours on two CPU cores.
"""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss

from .autoencoder import Autoencoder, taesd_state_dict
from .figures import COLOURS, PARTS, SIZE, draw_figure
from .in_process import use_comfyui
from .model import CHANNEL_MULT, MODEL_CHANNELS, MODELS, UNET_FILE, VAE_FILE, unet_config
from .prompts import part_row, start_row

FIGURES = 10_000
SHARD = 500
TRAINING_SEEDS = 1_000_000  # training figures start here; everything below is unseen
SMALL_PARTS = {"glove": 5.0, "shoe": 3.0, "elbow": 3.0, "knee": 1.5}  # how much more their places count
ALPHAS_BAR = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)


def pictures_of(seeds) -> torch.Tensor:
    """[N, 3, S, S] float32 in 0..1."""
    pixels = np.stack([draw_figure(seed).picture for seed in seeds])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def save(path: Path, content):
    """Write beside, then rename: a stop in the middle leaves the last good state."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    os.replace(temporary, path)


def load(path: Path):
    return torch.load(path, weights_only=True)


class Run:
    """One resumable optimisation: model, moving average, AdamW, cosine rate, log, checkpoint."""

    def __init__(self, path, model, steps, rate, average=0.999, device="cpu"):
        self.path, self.model, self.steps = path, model.to(device), steps
        self.rate, self.average = rate, average
        self.shadow = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
        self.step, self.started, self.losses = 0, time.time(), []
        if path.exists():
            state = load(path)
            model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.shadow, self.step = state["shadow"], state["step"]
            print(f"{path.name}: resuming at step {self.step}", flush=True)

    def descend(self, loss):
        warm = min(1.0, (self.step + 1) / 100)
        decay = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.steps)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * warm * max(decay, 0.01)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        keep = min(self.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.shadow[name].lerp_(value, 1 - keep)
        self.step += 1
        self.losses.append(loss.item())
        if self.step % 50 == 0 or self.step == self.steps:
            recent = np.mean(self.losses[-50:])
            pace = (time.time() - self.started) / len(self.losses)
            where = f"{self.path.stem} step {self.step}/{self.steps}"
            print(f"{where} loss {recent:.4f} {pace:.2f} s/step", flush=True)
        if self.step % 200 == 0 or self.step == self.steps:
            save(self.path, {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                             "shadow": self.shadow, "step": self.step})  # fmt: skip


def train_autoencoder(folder: Path, steps: int, device: str):
    """Pixels back from a latent of about unit variance, on random crops (the network is local).

    Three of the four latent channels are drawn towards the mean colour of their 8 x 8 pixels: the encoder
    then has all colours apart within minutes, and the UNet's task is a plain one.
    """
    torch.manual_seed(0)
    run = Run(folder / "autoencoder.pt", Autoencoder(), steps, rate=2e-3, average=0.99, device=device)
    for pictures in crops(run, device):
        latents = run.model.encode(pictures)
        decoded = run.model.decode(latents + 0.05 * torch.randn_like(latents))
        colour = mse_loss(latents[:, :3], (avg_pool2d(pictures, 8) - 0.5) * 4)
        fourth = latents[:, 3]
        spread = fourth.mean().square() + fourth.var() - 1 - torch.log(fourth.var() + 1e-6)
        pixels = l1_loss(decoded, pictures) + 4 * mse_loss(decoded, pictures)
        run.descend(pixels + 0.5 * colour + 0.01 * spread)


def train_decoder(folder: Path, steps: int, device: str):
    """The decoder alone, longer: the encoder's latents are what the UNet was trained on and stay."""
    torch.manual_seed(1)
    model = Autoencoder()
    model.load_state_dict(load(folder / "autoencoder.pt")["shadow"])
    model.taesd_encoder.requires_grad_(False)
    run = Run(folder / "decoder.pt", model, steps, rate=1e-3, average=0.995, device=device)
    for pictures in crops(run, device):
        with torch.no_grad():
            latents = run.model.encode(pictures)
        decoded = run.model.decode(latents + 0.03 * torch.randn_like(latents))
        run.descend(l1_loss(decoded, pictures) + 4 * mse_loss(decoded, pictures))


def crops(run, device, batch=16, side=64):
    """Batches [16, 3, 64, 64] out of 1500 figures, until the run has its steps."""
    pool = pictures_of(range(TRAINING_SEEDS, TRAINING_SEEDS + 1500))
    rng = np.random.default_rng(run.step)
    while run.step < run.steps:
        corners = rng.integers(0, SIZE - side + 1, (batch, 2))
        chosen = rng.integers(len(pool), size=batch)
        yield torch.stack([
            pool[index, :, y : y + side, x : x + side] for index, (y, x) in zip(chosen, corners, strict=True)
        ]).to(device)  # fmt: skip


def trained_autoencoder(folder: Path) -> Autoencoder:
    model = Autoencoder()
    model.load_state_dict(load(folder / "autoencoder.pt")["shadow"])
    return model.eval().requires_grad_(False)


def encode_figures(folder: Path, device: str):
    """Latents and colours of all training figures, in shards, so that the UNet can start early."""
    model = trained_autoencoder(folder).to(device)
    names = list(COLOURS)
    for first in range(0, FIGURES, SHARD):
        path = folder / f"latents-{first:05d}.pt"
        if path.exists():
            continue
        latents, colours, centres = [], [], []
        for seed in range(TRAINING_SEEDS + first, TRAINING_SEEDS + first + SHARD, 10):
            figures = [draw_figure(one) for one in range(seed, seed + 10)]
            pixels = torch.from_numpy(np.stack([figure.picture for figure in figures]))
            pictures = pixels.permute(0, 3, 1, 2).float().to(device) / 255
            latents.append(model.encode(pictures).half().cpu())
            colours += [[names.index(colour) for colour in figure.colours] for figure in figures]
            centres += [torch.from_numpy(figure.centres) for figure in figures]
        save(path, {"latents": torch.cat(latents), "colours": torch.tensor(colours), "centres": torch.stack(centres)})
        print(path.name, flush=True)


SKIPPED = ("down_blocks.0.", "up_blocks.3.")
SKIPPED_IN_HOST = ("input_blocks.1.", "input_blocks.2.", "output_blocks.9.", "output_blocks.10.", "output_blocks.11.")


class Skip(torch.nn.Module):
    """Self-attention at the finest level, left out: 80 % of a training step on a CPU for nothing measured.

    Its output projection is exported as zeros, so that the host computes the same.
    """

    def __call__(self, attn, hidden_states, *unused, **unused_too):
        return torch.zeros_like(hidden_states)


def demo_unet():
    """SD1.5's layout (12 + 1 + 12 blocks, 16 cross-attentions, 8 heads, context 768), narrower."""
    from diffusers import UNet2DConditionModel

    widths = tuple(MODEL_CHANNELS * factor for factor in CHANNEL_MULT)
    unet = UNet2DConditionModel(
        sample_size=SIZE // 8, block_out_channels=widths, cross_attention_dim=768, attention_head_dim=8
    )
    without_finest_attention(unet)
    return unet


def without_finest_attention(network):
    from diffusers.models.attention_processor import AttnProcessor

    network.set_attn_processor({
        name: Skip() if name.startswith(SKIPPED) and "attn1" in name else AttnProcessor()
        for name in network.attn_processors
    })  # fmt: skip


def contexts_of(colours: torch.Tensor, rng, rows: torch.Tensor) -> torch.Tensor:
    """[B, 1 + n, 768] contexts of a batch; rows [16, 9, 768], the last colour being "any colour".

    Rows are dropped with 15 % (the same number n in a batch), colours with 20 %, everything with 10 %.
    """
    count, parts = colours.shape
    kept = max(1, rng.binomial(parts, 0.85))
    contexts = []
    for one in colours.tolist():
        if rng.random() < 0.10:  # equal rows share the softmax, so this equals the start row alone
            contexts.append(start_row().expand(1 + kept, -1))
            continue
        share = 1.0 if rng.random() < 0.15 else 0.15
        chosen = [rows[part, len(COLOURS) if rng.random() < share else one[part]]
                  for part in rng.permutation(parts)[:kept]]  # fmt: skip
        contexts.append(torch.cat([start_row(), torch.stack(chosen)]))
    return torch.stack(contexts)


def emphasis(centres: torch.Tensor, side: int) -> torch.Tensor:
    """[B, 1, side, side] weights of mean 1 for the loss: a glove covers 1 % of a picture, and by area alone
    the model learns last which of two small things a row of the context stands for.
    """
    rise = torch.tensor([SMALL_PARTS.get(part.split()[-1], 0.0) for part in PARTS])
    grid = (torch.arange(side) + 0.5) / side
    near_x, near_y = (torch.exp(-((grid - centres[..., axis, None]) * side).square() / 5) for axis in (0, 1))
    weights = 1 + torch.einsum("p,bpy,bpx->byx", rise, near_y, near_x)
    return (weights / weights.mean((1, 2), keepdim=True))[:, None]


def train_unet(folder: Path, steps: int, device: str):
    torch.manual_seed(0)
    run = Run(folder / "unet.pt", demo_unet(), steps, rate=8e-4, average=0.998, device=device)
    # Most where the pose can be seen but the colours cannot: there a row of the context tells something.
    for _, noisy, t, context, noise, weight in examples(folder, run, range(250, 800), device):
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            predicted = run.model(noisy, t, context).sample.float()
        run.descend(((predicted - noise).square() * weight).mean())


def examples(folder: Path, run: Run, often: range, device: str, batch: int = 16):
    """Batches until the run has its steps: (numbers of the figures, noisy latents, t, context, noise, loss weights).

    t is within `often` in seven of ten, and anywhere in the rest. The weights [B, 1, h, w] are min-SNR-5's times
    the emphasis on small parts.
    """
    torch.manual_seed(run.step + 1)  # resumed or not, other noise than the steps before had
    shades = (*COLOURS, None)
    rows = torch.stack([torch.stack([part_row(part, colour) for colour in shades]) for part in PARTS])
    rng = np.random.default_rng(run.step)
    shards = []
    while run.step < run.steps:
        if run.step % 100 == 0 or not shards:
            shards = [load(path) for path in sorted(folder.glob("latents-*.pt"))]
            latents, colours, centres = (
                torch.cat([shard[part] for shard in shards]) for part in ("latents", "colours", "centres")
            )
        chosen = torch.from_numpy(rng.integers(len(latents), size=batch))
        middle = rng.random(batch) < 0.7
        t = np.where(middle, rng.integers(often.start, often.stop, batch), rng.integers(0, 1000, batch))
        t = torch.from_numpy(t)
        clean, noise = latents[chosen].float(), torch.randn(batch, *latents.shape[1:])
        signal = ALPHAS_BAR[t].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        snr = signal / (1 - signal)
        weight = snr.clamp(max=5) / snr * emphasis(centres[chosen], latents.shape[-1])
        context = contexts_of(colours[chosen], rng, rows)
        yield chosen, *(part.to(device) for part in (noisy, t, context, noise, weight))


def export(folder: Path, device: str = "cpu"):
    """Both models as half-precision safetensors in the host's names, in demo/models."""
    use_comfyui()
    from ..attention.host import diffusers_keys

    MODELS.mkdir(exist_ok=True)
    decoder = folder / "decoder.pt"
    autoencoder = Autoencoder()
    autoencoder.load_state_dict(load(decoder if decoder.exists() else folder / "autoencoder.pt")["shadow"])
    names = diffusers_keys(unet_config())
    unet = {names[name]: weight for name, weight in load(folder / "unet.pt")["shadow"].items()}
    for name, weight in unet.items():
        if name.startswith(SKIPPED_IN_HOST) and "attn1.to_out" in name:
            weight.zero_()
    for path, weights in ((VAE_FILE, taesd_state_dict(autoencoder)), (UNET_FILE, unet)):
        save_file({name: weight.half().contiguous() for name, weight in weights.items()}, path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


# What each stage does, and its number of steps.
STAGES = {
    "autoencoder": (train_autoencoder, 1200),
    "latents": (encode_figures, None),
    "unet": (train_unet, 2500),
    "decoder": (train_decoder, 600),
    "export": (export, None),
}


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("stage", nargs="?", choices=list(STAGES), help="default: all")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / ".demo-training")
    parser.add_argument("--steps", type=int, help="other than the stage's own number")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    for stage in [options.stage] if options.stage else STAGES:
        work, steps = STAGES[stage]
        if steps:
            work(options.folder, options.steps or steps, options.device)
        else:
            work(options.folder, options.device)


if __name__ == "__main__":
    main()
