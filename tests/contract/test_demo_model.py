"""The shipped demo model knows its parts: in drawn figures, and in the figures that it draws itself."""

import comfy.sample
import comfy.samplers
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.maps import AttentionMaps
from attention_keypoints.attention.reader import read_maps
from attention_keypoints.demo import prompts
from attention_keypoints.demo.figures import COLOURS, PARTS, draw_figure
from attention_keypoints.demo.model import LAYERS, MODELS, load_demo_model
from attention_keypoints.demo.world import demo_pictures
from comfy.ldm.modules.attention import attention_pytorch


@pytest.fixture(scope="module")
def demo():
    """(MODEL, VAE), with the attention that our server has on a CPU: the host's own choice takes far longer."""
    model, vae = load_demo_model()
    options = model.model_options.setdefault("transformer_options", {})
    options["optimized_attention_override"] = lambda _own, *args, **kwargs: attention_pytorch(*args, **kwargs)
    return model, vae


def part_peaks(model, latents, context, names):
    """[B, parts, 2] peaks of the named rows."""
    with host.open_unet(model, latents.shape) as unet:
        maps = read_maps(unet, latents, context, size=(128, 128), layers=LAYERS)
    return AttentionMaps(maps[:, 1:], names[1:]).peaks()[0]


def test_the_shipped_files_stay_under_forty_megabytes():
    assert sum(path.stat().st_size for path in MODELS.iterdir()) <= 40e6


def test_rows_of_parts_peak_on_the_parts_of_unseen_figures(demo):
    model, vae = demo
    images, _, _ = demo_pictures(9000, 12)
    centres = torch.stack([torch.from_numpy(draw_figure(seed).centres) for seed in range(9000, 9012)])
    inside = ((centres >= 0) & (centres <= 1)).all(-1)
    context, names = prompts.all_parts()
    peaks = part_peaks(model, host.encode_pictures(model, vae, images), context, names)
    hits = ((peaks - centres).norm(dim=-1) <= 0.1)[inside]
    assert hits.float().mean() >= 0.85


def test_a_sampled_figure_wears_what_the_prompt_says(demo):
    """At the peak of each part's row in a generated picture stands the colour that was asked for."""
    model, vae = demo
    asked = [draw_figure(9100).colours]
    context, names = prompts.worn_parts(asked)
    empty, _ = prompts.empty_prompt()
    latents = torch.zeros(2, 4, 32, 32)
    samples = comfy.sample.sample(
        model, comfy.sample.prepare_noise(latents, 5), 10, 3.0, "dpmpp_2m", "karras",
        [[context, {"pooled_output": None}]], [[empty, {"pooled_output": None}]], latents,
        disable_pbar=True, seed=5,
    )  # fmt: skip
    pictures = vae.decode(samples)
    peaks = part_peaks(model, host.encode_pictures(model, vae, pictures), context, names)
    palette = torch.tensor(list(COLOURS.values())) / 255
    right = []
    for picture, places in zip(pictures, peaks, strict=True):
        for part in range(len(PARTS)):
            column, row = (places[part] * 256).long().clamp(3, 252).tolist()
            patch = picture[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3)
            nearest = (patch.median(0).values - palette).norm(dim=-1).argmin()
            right.append(list(COLOURS)[nearest] == asked[0][part])
    assert sum(right) / len(right) >= 0.6
