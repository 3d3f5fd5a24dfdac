"""The demo's narrow autoencoder, filled up to TAESD's width, computes the same in the host as it does by itself."""

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.demo.autoencoder import Autoencoder, taesd_state_dict


@pytest.fixture(scope="module")
def narrow():
    return Autoencoder((8, 16, 24, 32)).requires_grad_(False)


@pytest.fixture(scope="module")
def widened(narrow):
    return host.build_vae(taesd_state_dict(narrow))


def test_the_models_latents_of_a_picture_are_those_of_the_narrow_encoder(narrow, widened, model):
    image = torch.rand(2, 32, 48, 3)
    latents = host.encode_pictures(model, widened, image)
    torch.testing.assert_close(latents, narrow.encode(image.movedim(-1, 1)), atol=1e-5, rtol=1e-4)


def test_pictures_of_latents_are_those_of_the_narrow_decoder(narrow, widened, model):
    latents = torch.randn(2, 4, 4, 6)
    expected = narrow.decode(latents).movedim(1, -1).clamp(0, 1)
    torch.testing.assert_close(host.decode_latents(model, widened, latents), expected, atol=1e-5, rtol=1e-4)


def test_the_file_has_the_shapes_of_every_taesd_file():
    import comfy.taesd.taesd

    stock = comfy.taesd.taesd.TAESD().state_dict()
    ours = taesd_state_dict(Autoencoder())
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: stock[name].shape for name in ours}
    assert {name for name in stock if name not in ours} == set()
