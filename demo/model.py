"""The embedded demo model: what is shipped, and how it becomes a MODEL and a VAE of the host."""

from pathlib import Path

from safetensors.torch import load_file

from .autoencoder import leave_out_zeros

MODELS = Path(__file__).parent / "models"
UNET_FILE, VAE_FILE = MODELS / "demo_unet.safetensors", MODELS / "demo_vae.safetensors"
CONTROL_FILE = MODELS / "controlnet" / "keypoints_demo_pose.safetensors"

# SD1.5's layout, 12 + 1 + 12 blocks and 8 heads over a context of 768, narrower: 32, 96, 160, 160 channels.
CHANNEL_MULT = (1, 3, 5, 5)
MODEL_CHANNELS = 32

# Where this model's attention is 16 x 16, as that of the published layers is in a 512 picture; those are 8 x 8 here.
LAYERS = ("output.6", "output.7", "output.8")


def unet_config(model_channels: int = MODEL_CHANNELS, channel_mult: tuple[int, ...] = CHANNEL_MULT) -> dict:
    """The host's configuration of an SD1.5-shaped UNet of the given width (SD1.5 itself: 320 and 1, 2, 4, 4)."""
    return {
        "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": model_channels,
        "num_res_blocks": [2, 2, 2, 2], "channel_mult": list(channel_mult), "num_heads": 8,
        "use_spatial_transformer": True, "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
        "transformer_depth_middle": 1, "transformer_depth_output": [1] * 9 + [0] * 3, "context_dim": 768,
        "use_linear_in_transformer": False, "adm_in_channels": None, "use_checkpoint": False, "legacy": False,
        "use_temporal_attention": False, "use_temporal_resblock": False,
    }  # fmt: skip


def _weights(path: Path):
    if not path.exists():
        raise FileNotFoundError(
            f"The demo model's file {path.name} is missing from {path.parent}. Get the pack again, whole, "
            "or train it with: python -m attention_keypoints.demo.train"
        )
    return {name: tensor.float() for name, tensor in load_file(path).items()}


def load_demo_model():
    """(MODEL, VAE) of the demo world, as the host's own objects, computing in float32."""
    from ..attention import host

    vae = host.build_vae(_weights(VAE_FILE))
    leave_out_zeros(vae.first_stage_model)
    return host.build_sd1_model(_weights(UNET_FILE), unet_config()), vae
