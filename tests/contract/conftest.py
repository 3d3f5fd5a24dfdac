"""Small real models of the host: an SD1.5-shaped UNet with a diffusers twin, and a VAE."""

from dataclasses import dataclass

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.demo.autoencoder import Autoencoder, leave_out_zeros, taesd_state_dict
from attention_keypoints.demo.model import CHANNEL_MULT, MODEL_CHANNELS, unet_config
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor


@dataclass(frozen=True)
class Seen:
    """What diffusers' attention computed: q and k [B, heads, positions or N, d], softmax [B, heads, positions, N]."""

    q: torch.Tensor
    k: torch.Tensor
    probabilities: torch.Tensor


class DiffusersTwin:
    """Random weights in diffusers' own UNet, what its sixteen cross-attentions compute, and its twin in the host."""

    def __init__(self, model_channels=MODEL_CHANNELS, channel_mult=CHANNEL_MULT):
        self.config = unet_config(model_channels, channel_mult)
        generator_state = torch.random.get_rng_state()
        torch.manual_seed(0)
        self.unet = UNet2DConditionModel(
            block_out_channels=tuple(model_channels * mult for mult in channel_mult),
            cross_attention_dim=768,
            attention_head_dim=8,
        ).eval()
        torch.random.set_rng_state(generator_state)
        self.unet.requires_grad_(False)
        self.scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
        self.unet.set_attn_processor(AttnProcessor())
        self._seen = {}
        for name, module in self.unet.named_modules():
            if name.endswith("attn2"):
                # As they are initialised, weights spread attention evenly, and every map would equal every other.
                module.to_q.weight.mul_(3)
                module.to_k.weight.mul_(3)
                self._watch(_layer_name(name), module)

    def _watch(self, layer, attention):
        compute = attention.get_attention_scores

        def watched(q, k, mask=None):
            probabilities = compute(q, k, mask)
            parts = (tensor.unflatten(0, (-1, attention.heads)) for tensor in (q, k, probabilities))
            self._seen[layer] = Seen(*parts)
            return probabilities

        attention.get_attention_scores = watched

    def host_weights(self):
        """The weights under the host's names."""
        names = host.diffusers_keys(self.config)
        return {names[name]: weight.clone() for name, weight in self.unet.state_dict().items()}

    def host_model(self):
        """A fresh MODEL of the host, float32."""
        return host.build_sd1_model(self.host_weights(), self.config)

    def noised(self, latents, noise, t):
        return self.scheduler.add_noise(latents, noise, torch.full((len(latents),), t))

    def look(self, latents, noise, t, context) -> dict[str, Seen]:
        """Noise the latents to t, run the UNet, and return what each cross-attention computed, in float64: with
        weights that are this far from even, float32 alone makes differences of about 1e-5.
        """
        self._seen.clear()
        latents, noise, context = latents.double(), noise.double(), context.double()
        self.unet.double()
        try:
            with torch.no_grad():
                self.unet(self.noised(latents, noise, t), t, encoder_hidden_states=context.expand(len(latents), -1, -1))
        finally:
            self.unet.float()
        return dict(self._seen)


def _layer_name(name):
    if name.startswith("mid"):
        return "middle.0"
    side, block, _, number = name.split(".")[:4]
    block, number = int(block), int(number)
    return f"input.{1 + 3 * block + number}" if side == "down_blocks" else f"output.{3 * block + number}"


@pytest.fixture(scope="session")
def twin():
    return DiffusersTwin()


@pytest.fixture(scope="session")
def make_twin():
    """make_twin(model_channels, channel_mult): a twin of another width."""
    return DiffusersTwin


@pytest.fixture(scope="session")
def weights(twin):
    """Weights of the small UNet under the host's names."""
    return twin.host_weights()


@pytest.fixture
def model(twin):
    """A fresh MODEL of the host with the twin's weights, float32."""
    return twin.host_model()


@pytest.fixture(scope="session")
def vae():
    generator_state = torch.random.get_rng_state()
    torch.manual_seed(1)
    state = taesd_state_dict(Autoencoder((8, 8, 8, 8)))
    torch.random.set_rng_state(generator_state)
    vae = host.build_vae(state)
    leave_out_zeros(vae.first_stage_model)
    return vae


@pytest.fixture
def seeded():
    """seeded(*shape, seed=0): normal numbers, the same every time."""

    def draw(*shape, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return draw


@pytest.fixture
def read(seeded):
    """read(model, ...): run an opened UNet once on small latents and return its recorder.

    Reads latents [1, 4, 16, 16] at t = 261 for five context rows unless told otherwise.
    """

    def run(model, layers, *, latents=None, noise=None, t=261, context=None, **options):
        latents = seeded(1, 4, 16, 16) if latents is None else latents
        noise = seeded(*latents.shape, seed=1) if noise is None else noise
        context = seeded(1, 5, 768, seed=2) if context is None else context
        with host.open_unet(model, latents.shape) as unet:
            recorder = unet.recorder(layers, **options)
            unet.run(latents, noise, t, context, recorder)
        return recorder

    return run


@pytest.fixture
def sampled(seeded):
    """sampled(model, ...): latents drawn by the host's own sampler in a few steps."""
    import comfy.sample

    def sample(model, positive=None, negative=None, *, steps=3, cfg=4.0, latents=None):
        latents = torch.zeros(1, 4, 8, 8) if latents is None else latents
        positive = seeded(1, 4, 768, seed=3) if positive is None else positive
        negative = seeded(1, 2, 768, seed=4) if negative is None else negative
        conditionings = ([[context, {"pooled_output": None}]] for context in (positive, negative))
        noise = comfy.sample.prepare_noise(latents, 5)
        return comfy.sample.sample(
            model, noise, steps, cfg, "euler", "normal", *conditionings, latents, seed=5, disable_pbar=True
        )

    return sample


def snapshot_options(value):
    """A copy of model options that compares by value for containers and by identity for everything else."""
    if isinstance(value, dict):
        return {key: snapshot_options(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [snapshot_options(part) for part in value]
    return value


@pytest.fixture
def unchanged():
    """with unchanged(model): ... asserts that options and weights of the user's model are afterwards as before."""
    import contextlib

    @contextlib.contextmanager
    def watch(model):
        options = snapshot_options(model.model_options)
        weights = {name: weight.clone() for name, weight in model.model.state_dict().items()}
        patches = (dict(model.patches), dict(model.object_patches), model.patches_uuid)
        yield
        assert snapshot_options(model.model_options) == options
        assert (dict(model.patches), dict(model.object_patches), model.patches_uuid) == patches
        after = model.model.state_dict()
        assert after.keys() == weights.keys()
        assert all(torch.equal(after[name], weight) for name, weight in weights.items())
        assert model.model.current_patcher is None

    return watch
