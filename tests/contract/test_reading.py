"""From pictures of any kind, through the VAE and the UNet, to maps: what the node does, without the server."""

import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.demo import prompts
from attention_keypoints.nodes.conditioning import make_conditioning, read_conditioning
from attention_keypoints.nodes.reading import read_attention


@pytest.fixture
def read_pictures(model, vae, seeded):
    """read_pictures(image, conditioning, ...): the maps that the node makes, at most 32 cells long."""

    def run(image, conditioning=None, clip=None, text="", **changes):
        if conditioning is None and clip is None:
            conditioning = plain(seeded(1, 5, 768))
        settings = {"t": 100, "seed": 3, "longest_map": 32, "longest_picture": 512, "layers": PUBLISHED}
        return read_attention(model, vae, image, conditioning, clip, text, **settings | changes)

    return run


def plain(context):
    """What CLIP Text Encode gives."""
    return [[context, {"pooled_output": None}]]


def pictures(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_a_picture_that_is_not_square_gives_maps_of_its_aspect_ratio(read_pictures):
    maps = read_pictures(pictures(1, 200, 136, 3), longest_map=64)
    assert maps.maps.shape == (1, 5, 64, 44)
    assert maps.names == tuple(f"token {row}" for row in range(5))


@pytest.mark.parametrize("height, width", [(200, 136), (72, 264), (1, 1), (8, 40), (24, 8)])
def test_pictures_of_any_size_down_to_one_pixel_give_maps_that_add_up_to_one(read_pictures, height, width):
    maps = read_pictures(pictures(1, height, width, 3)).maps
    assert torch.isfinite(maps).all() and maps.min() >= 0
    torch.testing.assert_close(maps.sum(1), torch.ones(1, *maps.shape[-2:]))


def test_the_layers_report_true_heights_and_widths(model, read, seeded):
    recorder = read(model, ("input.1", "input.4", "input.7", "middle.0", "output.6"), latents=seeded(1, 4, 25, 17))
    sizes = {layer: captured.size for layer, captured in recorder.captured.items()}
    assert sizes == {
        "input.1": (25, 17), "input.4": (13, 9), "input.7": (7, 5), "middle.0": (4, 3), "output.6": (13, 9)
    }  # fmt: skip


def test_turning_the_picture_does_not_turn_rows_into_columns(read_pictures, seeded):
    """A lit corner at the top right of a wide picture is at the top right of its maps, too."""
    image = torch.full((1, 64, 128, 3), 0.5)
    lit = image.clone()
    lit[:, :16, 112:] = torch.tensor([1.0, 0.0, 0.0])
    change = (read_pictures(lit).maps - read_pictures(image).maps).abs().sum(1)[0]
    rows, columns = change.shape
    assert (rows, columns) == (16, 32)
    top_right = change[: rows // 2, columns // 2 :].mean()
    assert top_right > change[rows // 2 :, : columns // 2].mean()
    assert top_right > change[: rows // 2, : columns // 2].mean()


def test_a_batch_of_three_gives_the_maps_of_three_single_pictures(read_pictures):
    images = pictures(3, 40, 64, 3)
    together = read_pictures(images).maps
    for index in range(3):
        alone = read_pictures(images[index : index + 1], seed=3 + index).maps
        torch.testing.assert_close(together[index : index + 1], alone, atol=1e-5, rtol=0)


def test_more_pictures_than_fit_in_one_pass_are_all_read(read_pictures):
    images = pictures(1, 16, 16, 3).repeat(6, 1, 1, 1)
    maps = read_pictures(images, t=0).maps
    assert maps.shape[0] == 6
    assert not torch.equal(maps[0], maps[5]), "each picture has noise of its own"


def test_the_same_seed_gives_bitwise_the_same_maps(read_pictures):
    image = pictures(1, 32, 32, 3)
    assert torch.equal(read_pictures(image).maps, read_pictures(image).maps)
    assert not torch.equal(read_pictures(image).maps, read_pictures(image, seed=4).maps)


def test_sides_that_are_no_multiples_of_eight_are_scaled(read_pictures):
    smooth = torch.linspace(0, 1, 198)[:, None, None].expand(198, 134, 3)[None]
    fitting = torch.nn.functional.interpolate(smooth.movedim(-1, 1), (200, 136), mode="bicubic", antialias=True)
    torch.testing.assert_close(
        read_pictures(smooth).maps, read_pictures(fitting.movedim(1, -1)).maps, atol=1e-4, rtol=0
    )


def test_grey_and_transparent_pictures_are_read_like_their_colours(read_pictures):
    image = pictures(1, 32, 40, 3)
    with_alpha = torch.cat([image, pictures(1, 32, 40, 1, seed=9)], -1)
    assert torch.equal(read_pictures(with_alpha).maps, read_pictures(image).maps)
    grey = image[..., :1]
    assert torch.equal(read_pictures(grey).maps, read_pictures(grey.repeat(1, 1, 1, 3)).maps)


def test_each_picture_may_have_a_context_of_its_own(read_pictures, seeded):
    images, contexts = pictures(2, 16, 24, 3), seeded(2, 5, 768)
    together = read_pictures(images, plain(contexts)).maps
    second = read_pictures(images[1:], plain(contexts[1:]), seed=4).maps
    torch.testing.assert_close(together[1:], second, atol=1e-5, rtol=0)


def test_a_pictures_own_place_in_the_batch_gets_its_own_context_beyond_the_first_pass(read_pictures, seeded):
    images, contexts = pictures(6, 16, 16, 3), seeded(6, 5, 768)
    together = read_pictures(images, plain(contexts)).maps
    last = read_pictures(images[5:], plain(contexts[5:]), seed=3 + 5).maps
    torch.testing.assert_close(together[5:], last, atol=1e-5, rtol=0)


def test_a_conditioning_with_names_gives_maps_with_those_names(read_pictures):
    maps = read_pictures(pictures(1, 16, 16, 3), make_conditioning(*prompts.read_prompt("red hat, left glove")))
    assert maps.names == ("hat", "left glove")


def test_the_row_that_opens_a_prompt_takes_its_share_but_is_not_shown(read_pictures):
    maps = read_pictures(pictures(1, 16, 16, 3), make_conditioning(*prompts.read_prompt("red hat, left glove")))
    assert (maps.maps.sum(1) < 1).all()


@pytest.mark.parametrize(
    "image, sentence",
    [
        (torch.zeros(0, 64, 64, 3), "at least one picture, got an empty batch"),
        (torch.full((2, 64, 64, 3), float("nan")), "Picture 1, 2 of 2 contains values that are not numbers"),
        (torch.zeros(64, 64, 3), r"Expected pictures as \[batch, height, width, channels\]"),
    ],
)
def test_pictures_that_cannot_be_read_are_told(read_pictures, image, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_pictures(image)


@pytest.mark.parametrize("width", [1024, 2048])
def test_a_conditioning_of_another_family_is_told_by_its_width(read_pictures, width):
    with pytest.raises(ValueError, match=rf"rows of width 768; got \[1, 77, {width}\].*same checkpoint"):
        read_pictures(pictures(1, 16, 16, 3), plain(torch.zeros(1, 77, width)))


def test_combined_conditionings_are_told(read_pictures, seeded):
    combined = plain(seeded(1, 5, 768)) + plain(seeded(1, 3, 768))
    with pytest.raises(ValueError, match="one conditioning, but 2 came.*Connect a CLIP Text Encode"):
        read_pictures(pictures(1, 16, 16, 3), combined)


def test_concatenated_conditionings_give_one_map_for_each_row(read_pictures):
    """Conditioning (Concat) keeps the first one's options, whose names no longer fit the longer context."""
    import nodes  # the host's

    one, two = (make_conditioning(*prompts.read_prompt(text)) for text in ("hat, scarf", "red shirt"))
    (joined,) = nodes.ConditioningConcat().concat(one, two)
    maps = read_pictures(pictures(1, 16, 16, 3), joined)
    assert maps.names == tuple(f"token {row}" for row in range(5))


def test_names_survive_a_node_of_the_host_that_copies_options():
    import node_helpers  # the host's

    conditioning = make_conditioning(*prompts.read_prompt("hat, scarf"))
    _, names = read_conditioning(node_helpers.conditioning_set_values(conditioning, {"strength": 0.5}))
    assert names == ("", "hat", "scarf")


def test_contexts_for_another_number_of_pictures_are_told(read_pictures, seeded):
    with pytest.raises(ValueError, match="2 contexts for 3 pictures"):
        read_pictures(pictures(3, 16, 16, 3), plain(seeded(2, 5, 768)))


def test_the_empty_prompt_is_told(read_pictures):
    with pytest.raises(ValueError, match="empty prompt"):
        read_pictures(pictures(1, 16, 16, 3), make_conditioning(*prompts.empty_prompt()))


def test_nothing_to_look_for_is_told(model, vae):
    with pytest.raises(ValueError, match="Nothing to look for: connect a conditioning, or CLIP"):
        read_attention(
            model, vae, pictures(1, 16, 16, 3), None, None, "a hat", t=0, seed=0, longest_map=32,
            longest_picture=512, layers=PUBLISHED,
        )  # fmt: skip


def test_latents_are_scaled_as_the_model_takes_them_and_back(model, vae):
    image = pictures(2, 32, 40, 3)
    latents = host.encode_pictures(model, vae, image)
    torch.testing.assert_close(latents, vae.encode(image) * 0.18215)
    torch.testing.assert_close(host.decode_latents(model, vae, latents), vae.decode(vae.encode(image)))
