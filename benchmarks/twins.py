"""The same weights twice: in diffusers' own UNet and in a MODEL of the host."""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from ..attention import host
from ..demo.model import CHANNEL_MULT, MODEL_CHANNELS, load_demo_model, unet_config

SD15_CHANNELS, SD15_MULT = 320, (1, 2, 4, 4)
LATENT_SCALE = 0.18215


def diffusers_unet(model_channels: int, channel_mult: tuple[int, ...]) -> UNet2DConditionModel:
    """An SD1.5-shaped UNet with random weights, the same every time."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=tuple(model_channels * mult for mult in channel_mult),
        cross_attention_dim=768,
        attention_head_dim=8,
    )
    return unet.eval().requires_grad_(False)


def random_sd15(dtype: torch.dtype | None = torch.float32):
    """(diffusers UNet in float32, MODEL) of SD1.5's size. How long they take does not depend on their weights.

    dtype  what the MODEL computes in; None: what the host takes on this device
    """
    unet = diffusers_unet(SD15_CHANNELS, SD15_MULT)
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            # As they are initialised, weights spread attention evenly, and every map would equal every other.
            module.to_q.weight.mul_(3)
            module.to_k.weight.mul_(3)
    names = host.diffusers_keys(unet_config(SD15_CHANNELS, SD15_MULT))
    weights = {names[name]: weight for name, weight in unet.state_dict().items()}
    model = host.build_sd1_model(weights, unet_config(SD15_CHANNELS, SD15_MULT), dtype)
    if model.model.get_dtype() == torch.float32:
        for name, weight in unet.named_parameters():  # 3.4 GB are enough once
            model.model.diffusion_model.get_parameter(names[name]).data = weight.data
    return unet, model


def demo(dtype: torch.dtype = torch.float32):
    """(diffusers UNet, MODEL, VAE) of the demo world, both UNets computing in `dtype`."""
    model, vae = load_demo_model()
    unet = diffusers_unet(MODEL_CHANNELS, CHANNEL_MULT)
    weights = model.model.diffusion_model.state_dict()
    names = host.diffusers_keys(unet_config())
    unet.load_state_dict({name: weights[names[name]] for name in unet.state_dict()})
    if dtype != torch.float32:
        unet, model = unet.to(dtype), host.build_sd1_model(weights, unet_config(), dtype)
    return unet, model, vae


def random_sd_encoder(device: torch.device):
    """picture [1, 3, H, W] in 0..1 -> latents, by the encoder of an autoencoder of Stable Diffusion's size."""
    torch.manual_seed(1)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
    )
    vae = vae.eval().requires_grad_(False).to(device)
    return lambda picture: vae.encode(2 * picture - 1).latent_dist.mean * LATENT_SCALE
