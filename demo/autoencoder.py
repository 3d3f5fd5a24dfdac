"""The demo world's autoencoder, in TAESD's layout: picture [B, 3, H, W] in 0..1 <-> latent [B, 4, H/8, W/8].

TAESD is 64 channels wide everywhere. Flat drawings need far less where pictures are large, and on a CPU
that is where the time goes, so this one is trained narrow and then filled up with zeros to TAESD's width:
the zero channels stay zero through every block, so the widened network computes the same numbers.
"""

import torch
from torch import nn

TAESD_WIDTH = 64
WIDTHS = (16, 24, 48, 64)  # at full, half, quarter and eighth resolution
SCALE = 0.18215  # SD1.5's latent factor: hosts divide encoder outputs by it and multiply again


class Clamp(nn.Module):
    def forward(self, x):
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Sequential(_conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width))

    def forward(self, x):
        return torch.relu(self.conv(x) + x)


def _conv(inputs, outputs, **options):
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


class Autoencoder(nn.Module):
    def __init__(self, widths=WIDTHS):
        super().__init__()
        a, b, c, d = widths
        down = {"stride": 2, "bias": False}
        self.taesd_encoder = nn.Sequential(
            _conv(3, a), Block(a),
            _conv(a, b, **down), Block(b), Block(b), Block(b),
            _conv(b, c, **down), Block(c), Block(c), Block(c),
            _conv(c, d, **down), Block(d), Block(d), Block(d),
            _conv(d, 4),
        )  # fmt: skip
        self.taesd_decoder = nn.Sequential(
            Clamp(), _conv(4, d), nn.ReLU(),
            Block(d), Block(d), Block(d), nn.Upsample(scale_factor=2), _conv(d, c, bias=False),
            Block(c), Block(c), Block(c), nn.Upsample(scale_factor=2), _conv(c, b, bias=False),
            Block(b), Block(b), Block(b), nn.Upsample(scale_factor=2), _conv(b, a, bias=False),
            Block(a), _conv(a, 3),
        )  # fmt: skip

    def encode(self, pictures):
        return self.taesd_encoder(pictures)

    def decode(self, latents):
        return self.taesd_decoder(latents)


def taesd_state_dict(autoencoder: Autoencoder) -> dict[str, torch.Tensor]:
    """The same network as a stock TAESD file: every inner width filled with zeros to 64."""
    state = {"vae_scale": torch.tensor(SCALE), "vae_shift": torch.tensor(0.0)}
    for name, weight in autoencoder.state_dict().items():
        outer = {3, 4}  # picture and latent channels are not widened
        shape = [n if n in outer and axis < 2 else TAESD_WIDTH for axis, n in enumerate(weight.shape[:2])]
        wide = torch.zeros(*shape, *weight.shape[2:])
        wide[tuple(slice(n) for n in weight.shape[:2])] = weight
        state[name] = wide
    return state


def leave_out_zeros(taesd: nn.Module) -> None:
    """Cuts a TAESD filled from `taesd_state_dict` back to its trained widths: the same numbers for less work."""
    for name, weight in Autoencoder().state_dict().items():
        place, _, kind = name.rpartition(".")
        module = taesd.get_submodule(place)
        trained = getattr(module, kind).detach()[tuple(slice(n) for n in weight.shape[:2])].clone()
        setattr(module, kind, nn.Parameter(trained, requires_grad=False))
