"""Trains the demo model's pose ControlNet: OpenPose control images in, drawn figures in that pose out.

    python -m attention_keypoints.demo.train_control      resumes where it stopped, and exports

It is saved as a Control-LoRA, the form in which the host takes the UNet's own shape from the model it is applied
to: the other form of the file is recognised by SD1.5's widths only. All weights of the copied encoder are in it.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..keypoints.keypoints import Keypoints
from ..keypoints.pose import to_pose
from ..keypoints.pose_image import draw_pose
from ..keypoints.skeletons import FIGURE_14, OPENPOSE_18
from .figures import JOINTS, PARTS, SIZE
from .in_process import use_comfyui
from .model import CONTROL_FILE, unet_config
from .train import ALPHAS_BAR, Run, demo_unet, examples, load, without_finest_attention

HINTS = (16, 32, 96, 256)  # channels of the stock network that brings the control image to the latent's size


def control_images(centres: torch.Tensor) -> torch.Tensor:
    """[N, 3, S, S] uint8 OpenPose drawings of figures whose parts are at centres [N, 16, 2]."""
    xy = centres[:, [list(PARTS.values()).index(joint) for joint in JOINTS]]
    shown = torch.ones(xy.shape[:2])
    names = dict(zip(FIGURE_14.names, OPENPOSE_18.names, strict=False))
    drawn = []
    for piece, seen in zip(xy.split(100), shown.split(100), strict=True):
        frames = to_pose(Keypoints(piece, seen, seen > 0, FIGURE_14.names), names, SIZE, SIZE)
        drawn.append((draw_pose(frames, SIZE, SIZE) * 255).round().byte().permute(0, 3, 1, 2))
    return torch.cat(drawn)


def control_net(unet):
    """A ControlNet of the UNet's shape that starts as a copy of its encoder and adds nothing yet."""
    from diffusers import ControlNetModel

    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINTS)
    # Stock control nets silence the drawing's encoder as well as their outputs. Both at zero, neither has a gradient
    # that tells of the pose: in 340 steps nothing was learned. The outputs alone keep the start harmless.
    net.controlnet_cond_embedding.conv_out.reset_parameters()
    without_finest_attention(net)
    return net


class Control(torch.nn.Module):
    """The trained network, held apart from the frozen UNet it steers, so that only it is saved and optimised."""

    def __init__(self, unet):
        super().__init__()
        self.net = control_net(unet)
        self._frozen = [unet.requires_grad_(False).eval()]

    def forward(self, noisy, t, context, pose):
        down, middle = self.net(noisy, t, context, pose, return_dict=False)
        return self._frozen[0](
            noisy, t, context, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample


def train_control(folder: Path, steps: int, device: str):
    """The UNet's objective, weighed as an error of the clean picture and most where noise hides the pose.

    Only the control image tells the pose there; as an error of epsilon it would hardly count (it is sqrt(SNR) of
    the picture's).
    """
    unet = demo_unet()
    unet.load_state_dict(load(folder / "unet.pt")["shadow"])
    torch.manual_seed(0)
    run = Run(folder / "control.pt", Control(unet.to(device)), steps, rate=1e-3, average=0.99, device=device)
    poses = control_images(torch.cat([load(path)["centres"] for path in sorted(folder.glob("latents-*.pt"))]))
    for chosen, noisy, t, context, noise, weight in examples(folder, run, range(500, 1000), device):
        inverse_snr = (1 / ALPHAS_BAR.to(device)[t] - 1).clamp(max=20).view(-1, 1, 1, 1)
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            predicted = run.model(noisy, t, context, poses[chosen].to(device) / 255).float()
        run.descend(((predicted - noise).square() * weight * inverse_snr).mean())


def export_control(folder: Path):
    """The trained network as half-precision safetensors in the host's names, in demo/models."""
    use_comfyui()
    from ..attention.host import diffusers_keys

    names = diffusers_keys(unet_config())
    weights = {"lora_controlnet": torch.zeros(1)}  # by this name the host knows the form
    for name, weight in load(folder / "control.pt")["shadow"].items():
        weights[_host_name(name.removeprefix("net."), names)] = weight.half().contiguous()
    CONTROL_FILE.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, CONTROL_FILE)
    print(f"{CONTROL_FILE.name}: {CONTROL_FILE.stat().st_size / 1e6:.1f} MB")


def _host_name(name: str, names: dict[str, str]) -> str:
    if name in names:
        return names[name]
    stem, kind = name.rsplit(".", 1)
    place = stem.rsplit(".", 1)[-1]
    if stem.startswith("controlnet_down_blocks."):
        return f"zero_convs.{place}.0.{kind}"
    if stem == "controlnet_mid_block":
        return f"middle_block_out.0.{kind}"
    number = {"conv_in": 0, "conv_out": 2 * len(HINTS) + 6}.get(place)
    return f"input_hint_block.{2 * int(place) + 2 if number is None else number}.{kind}"


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / ".demo-training")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    train_control(options.folder, options.steps, options.device)
    export_control(options.folder)


if __name__ == "__main__":
    main()
