"""The preset `published` computes what the published recipe does: loss, gradient, steps of the optimiser."""

from dataclasses import replace

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.benchmarks import plain_recipe
from attention_keypoints.benchmarks.sides import cosine, demo_figures, make_pairs, our_side, published_side, relative
from attention_keypoints.keypoints.learner import gradient_step, optimise
from attention_keypoints.keypoints.learning_state import LearningState
from attention_keypoints.keypoints.recipes import UNLABELLED
from attention_keypoints.keypoints.warps import no_warps

TOKENS, PICTURES, STEPS = 30, 2, 3
RECIPE = UNLABELLED["published"]


@pytest.fixture(scope="module")
def context():
    return torch.randn(1, TOKENS, 768, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def own_twin(make_twin):
    """A twin of this module's own: the plain recipe replaces its attention processors."""
    return make_twin()


@pytest.fixture(scope="module")
def encode(own_twin, vae):
    model = own_twin.host_model()
    return lambda picture: host.encode_pictures(model, vae, picture.movedim(1, -1))


@pytest.fixture(scope="module")
def pairs(encode):
    return make_pairs(demo_figures(PICTURES, 128), encode, torch.device("cpu"))[0]


@pytest.fixture(scope="module")
def published(own_twin, encode):
    """published(context): the side of the plain recipe."""
    return lambda context: published_side(own_twin.unet, encode, context)


@pytest.fixture(scope="module")
def expected(published, pairs, context):
    """(loss, gradient [1, N, 768]) of each pair by the plain recipe."""
    side = published(context)
    return [side.gradient_of(pair, side.tokens) for pair in pairs]


@pytest.fixture
def unet(own_twin, pairs):
    """The same weights in the host, opened for gradients."""
    with host.open_unet(own_twin.host_model(), (2 * PICTURES, *pairs[0].latents.shape[1:]), gradients=True) as opened:
        yield opened


def ours(unet, pairs, context, recipe=RECIPE):
    """(loss, gradient [N, 768]) of some pairs in one call."""
    names = ("latents", "latents_warped", "theta", "noise", "noise_warped")
    parts = (torch.cat([getattr(pair, name) for pair in pairs]) for name in names)
    return gradient_step(unet, *parts, context, recipe)


@pytest.mark.parametrize("number", range(PICTURES))
def test_loss_and_token_gradient_are_those_of_the_plain_recipe(unet, pairs, context, expected, number):
    loss, gradient = ours(unet, pairs[number : number + 1], context)
    expected_loss, expected_gradient = expected[number]
    assert loss == pytest.approx(expected_loss, rel=1e-4)
    assert cosine(gradient, expected_gradient) >= 0.9999
    assert relative(gradient, expected_gradient[0]) < 1e-3


def test_in_float64_rounding_is_all_that_is_left_between_the_two(make_twin, encode, pairs, context):
    twin = make_twin()
    model = host.build_sd1_model(twin.host_weights(), twin.config, torch.float64)
    plain = published_side(twin.unet.double(), encode, context)
    _, expected = plain.gradient_of(pairs[0], plain.tokens)
    with host.open_unet(model, (2, *pairs[0].latents.shape[1:]), gradients=True) as opened:
        _, gradient = ours(opened, pairs[:1], context)
    assert relative(gradient, expected[0]) < 1e-6


def test_pictures_in_one_call_give_the_mean_of_pictures_one_at_a_time(unet, pairs, context, expected):
    loss, gradient = ours(unet, pairs, context)
    assert loss == pytest.approx(sum(part for part, _ in expected) / PICTURES, rel=1e-4)
    assert cosine(gradient, sum(part for _, part in expected)) >= 0.9999


def test_three_steps_of_the_optimiser_end_at_the_same_tokens(unet, pairs, context, published):
    plain, side = published(context), our_side(unet, context)
    # One picture a step: the mean over pictures is compared above, and the plain recipe is slow.
    plain_losses = [plain.step([pairs[step % PICTURES]]).loss for step in range(STEPS)]

    def of_one_picture(step, state):
        loss, gradient = side.gradient_of(pairs[step % PICTURES], state.context[None])
        return loss, gradient[0]

    state = optimise(LearningState.start(context[0]), of_one_picture, STEPS, RECIPE.rate)
    assert state.losses == pytest.approx(plain_losses, rel=1e-3)
    assert relative(state.context, plain.tokens[0]) < 1e-3
    # The tokens are far longer than three steps, so the way they went is compared as well.
    assert relative(state.context - context[0], plain.tokens[0] - context[0]) < 0.05


def left_out(pair):
    return replace(pair, theta=no_warps(1))


def same_picture(pair):
    return replace(pair, latents_warped=pair.latents)


def swapped_noise(pair):
    return replace(pair, noise=pair.noise_warped, noise_warped=pair.noise)


@pytest.mark.parametrize(
    "pair_with, recipe_with",
    [
        pytest.param(left_out, {}, id="the warp back left out"),
        pytest.param(same_picture, {}, id="the picture not warped"),
        pytest.param(swapped_noise, {}, id="the noise of the other pass"),
        pytest.param(None, {"t": 1}, id="t as in the paper's text"),
        pytest.param(None, {"sigma": 2.1}, id="a wider Gaussian"),
        pytest.param(None, {"equivariance": 990.0}, id="equivariance weighs less"),
        pytest.param(None, {"keypoints": 9}, id="one keypoint less"),
        pytest.param(None, {"map_size": 120}, id="smaller maps"),
        pytest.param(None, {"layers": RECIPE.layers[:3]}, id="one layer less"),
    ],
)
def test_the_comparison_notices(unet, pairs, context, expected, pair_with, recipe_with):
    pair = pair_with(pairs[0]) if pair_with else pairs[0]
    loss, gradient = ours(unet, [pair], context, replace(RECIPE, **recipe_with))
    expected_loss, expected_gradient = expected[0]
    same_loss = abs(loss - expected_loss) <= 1e-4 * expected_loss
    assert not (same_loss and cosine(gradient, expected_gradient) >= 0.9999)


def test_the_preset_has_the_constants_of_the_plain_recipe():
    assert (RECIPE.keypoints, RECIPE.local, RECIPE.sigma) == (
        plain_recipe.KEYPOINTS, plain_recipe.CANDIDATES, plain_recipe.SIGMA
    )  # fmt: skip
    assert (RECIPE.localisation, RECIPE.equivariance) == (plain_recipe.LOCALISATION, plain_recipe.EQUIVARIANCE)
    assert (RECIPE.rate, RECIPE.batch * RECIPE.accumulation) == (plain_recipe.RATE, plain_recipe.PICTURES_PER_STEP)
    assert (RECIPE.tokens, RECIPE.t, RECIPE.map_size) == (500, 0, plain_recipe.MAP_SIZE)
