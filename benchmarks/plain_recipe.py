"""The published recipe for keypoints without labels, written plainly on a diffusers UNet: what ours is compared with.

Hedlin et al., "Unsupervised Keypoints from Pretrained Diffusion Models" (CVPR 2024), as their released code
does it and no more cleverly: one picture at a time; the picture and its warped copy are each encoded and run
through the whole UNet; attention is an explicit softmax; the features of the chosen layers are brought to map
resolution before they become queries, and every head's softmax over the tokens is stored; plain autograd.
Warps and noise are given, so that another implementation can be run on the same ones. Square pictures only.
"""

from collections.abc import Callable, Sequence

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from torch.nn import functional

LAYERS = (*(f"up_blocks.1.attentions.{number}" for number in range(3)), "up_blocks.2.attentions.0")
MAP_SIZE = 128
CANDIDATES = 25
KEYPOINTS = 10
SIGMA = 2.0  # of the Gaussian target, in cells of a map of 128
LOCALISATION, EQUIVARIANCE = 100.0, 1000.0
RATE = 5e-3  # of Adam
PICTURES_PER_STEP = 4  # whose gradients are accumulated


class PlainRecipe:
    """The loss of one picture, and steps of the optimiser.

    unet    a diffusers UNet; its attention processors are replaced and its weights take no gradients
    encode  picture [1, 3, H, H] in 0..1 -> latents [1, 4, h, h], scaled as the UNet takes them
    layers  diffusers' names of the transformers whose cross-attention is averaged
    fused   True: attentions that are not averaged use torch's fused kernel, which diffusers takes today and the
            released code did not; less memory and time than published
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        encode: Callable[[torch.Tensor], torch.Tensor],
        layers: Sequence[str] = LAYERS,
        *,
        fused: bool = False,
    ):
        self.unet = unet.requires_grad_(False)
        self.encode = encode
        self.layers = len(layers)
        self.stored: list[torch.Tensor] = []
        unet.set_attn_processor(AttnProcessor2_0() if fused else AttnProcessor())
        if not fused:
            for name, module in unet.up_blocks.named_modules():
                if name.endswith(("attn1", "attn2")):
                    module.set_processor(ExplicitAttention())
        for layer in layers:
            (block,) = unet.get_submodule(layer).transformer_blocks
            block.attn2.set_processor(ExplicitAttention(self.stored))
        self.scheduler = DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
        )
        self.scheduler.set_timesteps(50)
        self.dtype = torch.promote_types(unet.dtype, torch.float32)  # of all but the UNet
        if self.dtype == torch.float64:  # float32, as it is made, puts the noise at t = 0 off by 1e-5 of itself
            betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
            self.scheduler.alphas_cumprod = (1 - betas).cumprod(0)

    def loss(
        self,
        picture: torch.Tensor,
        theta: torch.Tensor,
        noise: torch.Tensor,
        noise_warped: torch.Tensor,
        tokens: torch.Tensor,
    ) -> tuple[torch.Tensor, dict]:
        """(loss, its parts) of one picture: 100 times localisation (eq. 6) plus 1000 times equivariance (eq. 5).

        picture              [1, 3, H, H] in 0..1
        theta                [1, 2, 3] of the warp, as torch's affine_grid takes it: the place in the picture, in
                             -1..1, that a place in the warped picture shows
        noise, noise_warped  [1, 4, h, h] of the picture's and the warped picture's pass
        tokens               [1, N, 768], the whole context
        parts                "localisation" and "equivariance" before their weights, "picked": rows of the tokens
        """
        maps = self.maps(picture, noise, tokens)
        warped_maps = self.maps(warp(picture, theta), noise_warped, tokens)
        picked = furthest_points(warped_maps, KEYPOINTS, most_gaussian(maps, CANDIDATES))
        localisation = functional.mse_loss(maps[picked], gaussians(peaks(maps[picked]), maps.shape[-1]).to(maps))
        back = warp(warped_maps[picked][None], inverse(theta.to(maps)))[0]
        equivariance = functional.mse_loss(maps[picked], back)
        parts = {"localisation": localisation.item(), "equivariance": equivariance.item(), "picked": picked.tolist()}
        return EQUIVARIANCE * equivariance + LOCALISATION * localisation, parts

    def maps(self, picture, noise, tokens) -> torch.Tensor:
        """[N, 128, 128]: the mean of the stored softmaxes over layers and heads."""
        with torch.no_grad():
            latents = self.encode(picture).to(self.dtype)
        t = self.scheduler.timesteps[-1].to(latents.device)
        noised = self.scheduler.add_noise(latents, noise.to(self.dtype), t)
        rows = tokens.repeat(len(noised), 1, 1)
        self.unet(noised.to(self.unet.dtype), t.repeat(len(noised)), rows.to(self.unet.dtype))
        if len(self.stored) != self.layers:
            raise RuntimeError(f"Expected {self.layers} stored attentions, got {len(self.stored)}.")
        grids = [shares.reshape(len(shares), MAP_SIZE, MAP_SIZE, -1).permute(0, 3, 1, 2) for shares in self.stored]
        mean = torch.stack(grids).mean((0, 1))
        self.stored.clear()
        return mean.to(self.dtype)


class ExplicitAttention:
    """softmax(q k / sqrt(d)) v; with a store, also the softmax of queries of the features at map resolution."""

    def __init__(self, store: list[torch.Tensor] | None = None):
        self.store = store

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, **_):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        keys = attn.head_to_batch_dim(attn.to_k(context))
        values = attn.head_to_batch_dim(attn.to_v(context))
        output = self.softmax(attn, hidden_states, keys) @ values
        if self.store is not None:
            self.store.append(self.softmax(attn, fine(hidden_states), keys))
        return attn.to_out[1](attn.to_out[0](attn.batch_to_head_dim(output)))

    def softmax(self, attn, features, keys):
        queries = attn.head_to_batch_dim(attn.to_q(features))
        logits = torch.einsum("bid,bjd->bij", queries, keys) * attn.scale
        return logits.softmax(-1).clone()  # the released code stores a copy


def fine(features: torch.Tensor) -> torch.Tensor:
    """[B, 128 * 128, C] of features [B, side * side, C]."""
    side = int(features.shape[1] ** 0.5)
    grid = features.transpose(1, 2).unflatten(-1, (side, side))
    grid = functional.interpolate(grid, (MAP_SIZE, MAP_SIZE), mode="bicubic", align_corners=False)
    return grid.flatten(2).transpose(1, 2)


def warp(pictures: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Bilinear, and zero outside: the released code masks nothing."""
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def inverse(theta: torch.Tensor) -> torch.Tensor:
    """[1, 2, 3] of the warp that undoes another."""
    last = torch.tensor([[[0.0, 0.0, 1.0]]]).to(theta)
    return torch.inverse(torch.cat([theta, last], 1))[:, :2]


def peaks(maps: torch.Tensor) -> torch.Tensor:
    """[n, 2] (row, column) of the middle of the highest cell of maps [n, R, R], in cells."""
    index = maps.flatten(1).argmax(-1)
    return torch.stack([index // maps.shape[-1], index % maps.shape[-1]], -1) + 0.5


def gaussians(centres: torch.Tensor, size: int) -> torch.Tensor:
    """[n, size, size], peak 1, about centres [n, 2] (eq. 8)."""
    cells = torch.arange(size, device=centres.device) + 0.5
    rows = (cells - centres[:, :1]).square()
    columns = (cells - centres[:, 1:]).square()
    return torch.exp(-(rows[:, :, None] + columns[:, None, :]) / (2 * SIGMA**2))


def most_gaussian(maps: torch.Tensor, count: int) -> torch.Tensor:
    """The tokens whose maps [N, R, R] are nearest to a Gaussian at their peak, by KL divergence (eq. 9), best first."""
    shares = maps.flatten(1).add(1e-5).softmax(-1)
    target = gaussians(peaks(maps), maps.shape[-1]).flatten(1) + 1e-5
    target = target / target.sum(-1, keepdim=True)
    return (target * (target.log() - shares.log())).sum(-1).argsort()[:count]


def furthest_points(maps: torch.Tensor, count: int, candidates: torch.Tensor) -> torch.Tensor:
    """`count` of the candidates whose peaks in maps [N, R, R] lie apart: the furthest pair, then always the one
    that is furthest from all that were taken (eq. 10). Of equals the first.
    """
    places = peaks(maps)
    candidates = candidates.tolist()
    pairs = [(a, b) for i, a in enumerate(candidates) for b in candidates[i + 1 :]]
    picked = list(max(pairs, key=lambda pair: float((places[pair[0]] - places[pair[1]]).norm())))
    while len(picked) < count:
        rest = [token for token in candidates if token not in picked]
        picked.append(max(rest, key=lambda token: float((places[token] - places[picked]).norm(dim=-1).min())))
    return torch.tensor(picked, device=maps.device)
