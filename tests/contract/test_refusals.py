"""Models and VAEs that cannot be read are refused by a sentence that says what came and what to do."""

import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.demo.model import unet_config


def build(family, **changes):
    """A tiny MODEL of a family of the host, with random weights."""
    config = family(unet_config() | changes)
    config.set_inference_dtype(torch.float32, None)
    base = config.get_model({}, "")
    return comfy.model_patcher.ModelPatcher(base, torch.device("cpu"), torch.device("cpu"))


def test_an_sd15_model_of_any_width_is_accepted(model):
    host.require_sd1(model)
    host.require_sd1(build(comfy.supported_models.SD15))


@pytest.mark.parametrize(
    "family, changes, name",
    [
        (comfy.supported_models.SD20, {"context_dim": 1024, "use_linear_in_transformer": True}, "SD20"),
        (
            comfy.supported_models.SDXL,
            {"context_dim": 2048, "adm_in_channels": 2816, "num_classes": "sequential"},
            "SDXL",
        ),
    ],
)
def test_another_model_family_is_refused_by_its_name(family, changes, name):
    with pytest.raises(ValueError, match=f"SD1.x models; this MODEL is {name}. Load an SD1.5 checkpoint"):
        host.require_sd1(build(family, **changes))


@pytest.mark.parametrize(
    "family, channels", [(comfy.supported_models.SD15, 9), (comfy.supported_models.SD15_instructpix2pix, 8)]
)
def test_inpainting_and_editing_models_are_refused_by_their_channels(family, channels):
    with pytest.raises(ValueError, match=f"4 latent channels; this one takes {channels}.*plain SD1.5 checkpoint"):
        host.require_sd1(build(family, in_channels=channels))


@pytest.mark.parametrize("thing", [None, "model.safetensors", torch.zeros(1)])
def test_something_that_is_no_model_is_refused_by_what_it_is(thing):
    with pytest.raises(ValueError, match=f"Expected a MODEL .* got {type(thing).__name__}"):
        host.require_sd1(thing)


def test_a_vae_or_clip_in_the_models_place_is_refused(vae):
    with pytest.raises(ValueError, match="Expected a MODEL .* got VAE"):
        host.require_sd1(vae)


def test_opening_a_wrong_model_is_refused_before_anything_is_loaded():
    wrong = build(comfy.supported_models.SD20, context_dim=1024, use_linear_in_transformer=True)
    with pytest.raises(ValueError, match="SD20"), host.open_unet(wrong, (1, 4, 8, 8)):
        pytest.fail("opened")
    assert wrong.loaded_size() == 0


def test_a_vae_of_another_family_is_refused_by_the_shape_of_its_latents(model):
    sixteen = comfy.sd.VAE(sd=comfy.taesd.taesd.TAESD(latent_channels=16).state_dict())
    with pytest.raises(ValueError, match=r"\[1, 4, 4, 3\] .*this VAE made \[1, 16, 4, 3\].*same checkpoint"):
        host.encode_pictures(model, sixteen, torch.zeros(1, 32, 24, 3))


def test_a_vae_that_gives_no_numbers_is_told(model):
    from attention_keypoints.demo.autoencoder import Autoencoder, taesd_state_dict

    state = taesd_state_dict(Autoencoder((8, 8, 8, 8)))
    state["taesd_encoder.0.bias"][0] = float("nan")
    with pytest.raises(ValueError, match="not numbers.*--fp32-vae"):
        host.encode_pictures(model, host.build_vae(state), torch.zeros(1, 32, 24, 3))


def test_a_timestep_beyond_the_schedule_is_refused(model, read):
    with pytest.raises(ValueError, match="between 0 .* and 999"):
        read(model, ("output.3",), t=1000)
