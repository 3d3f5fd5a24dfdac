"""`run.py detect --checkpoint FILE` with a file of Stable Diffusion 1.5's form, through the host's own loader."""

import csv

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.demo import run_detect
from attention_keypoints.demo.autoencoder import Autoencoder, taesd_state_dict
from attention_keypoints.demo.model import unet_config
from attention_keypoints.keypoints.detection import detect_pictures
from attention_keypoints.keypoints.token_file import save_tokens
from attention_keypoints.keypoints.tokens import KeypointTokens
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.ops import disable_weight_init
from PIL import Image
from safetensors.torch import save_file

# As wide as the host expects of SD1.5, with fewer blocks and no widening.
SHALLOW = unet_config(320, (1, 1, 1, 1)) | {
    "num_res_blocks": [1] * 4, "transformer_depth": [1, 1, 1, 0], "transformer_depth_output": [1] * 6 + [0] * 2
}  # fmt: skip
WHOLE = unet_config(320, (1, 2, 4, 4))  # SD1.5 itself: 1.7 GB
TOKENS = KeypointTokens(
    torch.randn(6, 768, generator=torch.Generator().manual_seed(5)), (4, 0, 2), ("eye", "ear", "paw"),
    layers=("output.3", "output.4"), t=250, map_size=64, learned={"model_channels": 320},
)  # fmt: skip
WIDTH, HEIGHT = 96, 64


def random_unet(config: dict) -> dict[str, torch.Tensor]:
    """Weights in the two bytes a number that checkpoints have; signals neither die nor explode in them."""
    generator = torch.Generator().manual_seed(0)

    def values(name, like):
        if like.ndim < 2:
            return torch.full(like.shape, float(name.endswith("weight")))
        # Attention that is sharper than such weights would make it: every map has a peak of its own.
        sharper = 3 if "attn2.to_q" in name or "attn2.to_k" in name else 1
        return torch.randn(like.shape, generator=generator) * sharper * like[0].numel() ** -0.5

    shapes = UNetModel(**config, device="meta", dtype=torch.float16, operations=disable_weight_init).state_dict()
    return {name: values(name, like).half() for name, like in shapes.items()}


@pytest.mark.parametrize("config", [
    pytest.param(SHALLOW, id="shallow"), pytest.param(WHOLE, id="SD1.5's size", marks=pytest.mark.nightly)
])  # fmt: skip
def test_a_folder_is_done_with_the_weights_of_the_checkpoint(config, tmp_path, capsys):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        unet, vae = random_unet(config), taesd_state_dict(Autoencoder((8, 8, 8, 8)))
    tensors = {f"model.diffusion_model.{name}": weight for name, weight in unet.items()}
    tensors |= {f"first_stage_model.{name}": weight.detach().contiguous() for name, weight in vae.items()}
    checkpoint, folder, out = tmp_path / "random.safetensors", tmp_path / "pictures", tmp_path / "found.csv"
    save_file(tensors, checkpoint)
    save_tokens(tmp_path / "tokens.safetensors", TOKENS)
    folder.mkdir()
    pictures = torch.rand(3, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
    for number, picture in enumerate(pictures):
        Image.fromarray((255 * picture).round().byte().numpy()).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no picture")

    arguments = [folder, "--tokens", tmp_path / "tokens.safetensors", "--out", out, "--checkpoint", checkpoint]
    assert run_detect.detect(run_detect.options([*map(str, arguments), "--augmentations", "1"])) == 0

    source = host.Source(host.build_sd1_model(unet, config, None), host.build_vae(vae))
    expected, _ = detect_pictures(source, pictures, TOKENS, augmentations=1, radius=5.0)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["file_name"], row["keypoint"]) for row in rows] == [
        (f"{number}.png", name) for number in range(3) for name in TOKENS.names
    ]
    found = torch.tensor([[float(row["x"]) / WIDTH, float(row["y"]) / HEIGHT] for row in rows]).view(3, 3, 2)
    torch.testing.assert_close(found, expected.xy, rtol=0, atol=0.01)
    assert (found[0] - found[1]).norm(dim=-1).max() > 0.1  # the pictures are looked at
    assert (found[:, 0] - found[:, 1]).norm(dim=-1).max() > 0.1  # and the tokens
    said = capsys.readouterr().out
    assert "4 pictures" in said and "Skipped broken.png" in said and "Saved the keypoints of 3" in said
    assert sorted(path.name for path in tmp_path.iterdir() if "unfinished" in path.name) == []
