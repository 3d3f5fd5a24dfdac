"""Pictures, colours and text: attention/canvas.py and attention/colours.py."""

import numpy as np
import pytest
import torch
from attention_keypoints.attention import canvas
from attention_keypoints.attention.colours import (
    distinct_colours,
    heat_colours,
    oklab_to_rgb,
    rgb_to_oklab,
)
from PIL import Image


def test_oklab_of_the_three_primaries_is_the_published_one():
    lab = rgb_to_oklab(np.eye(3))
    published = [[0.628, 0.225, 0.126], [0.866, -0.234, 0.179], [0.452, -0.032, -0.312]]
    assert np.abs(lab - published).max() < 1e-3


def test_oklab_and_back_is_the_same_colour():
    colours = np.random.default_rng(0).random((100, 3))
    assert np.abs(oklab_to_rgb(rgb_to_oklab(colours)) - colours).max() < 1e-6


def test_heat_colours_are_inside_the_gamut():
    colours = heat_colours()
    assert colours.shape == (256, 3)
    assert colours.min() >= 0 and colours.max() <= 1


def test_lightness_of_the_heat_colours_rises_in_even_steps():
    steps = np.diff(rgb_to_oklab(heat_colours())[:, 0])
    assert steps.min() > 0.003
    assert steps.max() / steps.min() < 1.01


def test_neighbouring_heat_colours_differ_equally_everywhere():
    steps = np.linalg.norm(np.diff(rgb_to_oklab(heat_colours()), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.02


def test_heat_colours_run_from_nearly_black_to_nearly_white_through_red():
    colours = heat_colours()
    assert colours[0].max() < 0.1 and colours[-1].min() > 0.6
    assert colours[150, 0] > 2 * colours[150, 1]


def test_distinct_colours_of_a_figure_are_far_apart():
    lab = rgb_to_oklab(distinct_colours(14))
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 9 * np.eye(14)
    assert distances.min() > 0.12


def test_asking_for_more_distinct_colours_keeps_the_first_ones():
    assert np.array_equal(distinct_colours(20)[:5], distinct_colours(5))


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (640, 2048)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size_and_channels_become_rgb(size, channels):
    images = torch.rand(2, *size, channels)
    rgb = canvas.as_rgb(images)
    assert rgb.shape == (2, *size, 3)
    assert torch.equal(rgb, images.expand(2, *size, 3) if channels == 1 else images[..., :3])


def test_values_that_are_no_colours_are_brought_inside():
    pixels = torch.tensor([float("nan"), -1.0, 2.0]).view(1, 1, 1, 3)
    assert canvas.as_rgb(pixels).flatten().tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 4, 2), (0, 4, 4, 3), (1, 0, 4, 3)])
def test_what_is_no_picture_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=r"Expected pictures.*got shape \["):
        canvas.as_rgb(torch.zeros(shape))


def test_a_tensor_survives_the_way_through_pillow():
    image = torch.randint(0, 256, (31, 47, 3)) / 255
    picture = canvas.to_pil(image)
    assert picture.size == (47, 31)
    assert torch.allclose(canvas.to_tensor(picture), image, atol=1e-6)


def test_a_pillow_picture_with_alpha_becomes_rgb():
    assert canvas.to_tensor(Image.new("RGBA", (5, 3), (255, 0, 0, 7)))[0, 0].tolist() == [1.0, 0.0, 0.0]


def test_one_picture_serves_three_partners_and_the_reverse():
    one, three = torch.rand(1, 4, 5, 3), torch.rand(3, 4, 5, 3)
    assert [len(canvas.match_batches(one, 3, "maps")[0]), canvas.match_batches(one, 3, "maps")[1]] == [
        3,
        [0, 1, 2],
    ]
    assert canvas.match_batches(three, 1, "maps")[1] == [0, 0, 0]
    with pytest.raises(ValueError, match="Got 3 pictures but maps of 2"):
        canvas.match_batches(three, 2, "maps")


def test_text_and_lines_grow_with_the_picture_and_stay_readable():
    sizes = [canvas.text_size(side, side) for side in (1, 128, 512, 2048)]
    assert sizes == sorted(sizes) and sizes[0] >= 11 and sizes[-1] >= 40
    assert canvas.stroke_width(1, 1) >= 1 and canvas.stroke_width(2048, 2048) > 10


@pytest.mark.parametrize("background", [0.0, 0.5, 1.0])
def test_outlined_text_is_legible_on_any_background(background):
    page = np.full((40, 120, 3), background, dtype=np.float32)
    canvas.paint_text(page, "left hand", 5, 28, 20)
    assert page.max() > 0.95 and page.min() < 0.1


def test_text_may_run_out_of_the_picture():
    page = np.zeros((5, 5, 3), dtype=np.float32)
    canvas.paint_text(page, "left hand", -200, 3, 12)
    assert page.max() == 0
    canvas.paint_text(page, "left hand", -4, 5, 12)
    assert page.max() > 0.5


def test_names_in_other_scripts_are_written_in_letters_that_the_font_has():
    assert canvas.printable("left_hand café 手") == "left hand cafe ?"


def test_a_long_text_is_cut_to_its_width():
    cut = canvas.fit_text("right shoulder", 20, 80)
    assert cut.startswith("right") and cut.endswith("…") and canvas.text_width(cut, 20) <= 80
    assert canvas.fit_text("neck", 20, 80) == "neck"
    assert canvas.fit_text("neck", 20, 3) == ""


@pytest.mark.parametrize("size", [(9, 13), (10, 14)])
def test_a_disc_lies_symmetrically_around_its_centre(size):
    page = np.zeros((*size, 3), dtype=np.float32)
    canvas.paint_disc(page, (size[1] / 2, size[0] / 2), 3.2, (1.0, 1.0, 1.0))
    assert np.allclose(page, page[::-1]) and np.allclose(page, page[:, ::-1])
    assert abs(page[..., 0].sum() - np.pi * 3.2**2) < 0.5


def test_a_ring_is_empty_inside():
    page = np.zeros((21, 21, 3), dtype=np.float32)
    canvas.paint_ring(page, (10.5, 10.5), 7, 2, (1.0, 1.0, 1.0))
    assert page[10, 10, 0] == 0 and page[10, 17, 0] == 1 and page[0, 0, 0] == 0


def test_a_path_is_as_opaque_at_its_corners_as_elsewhere():
    page = np.zeros((21, 21, 3), dtype=np.float32)
    canvas.paint_path(page, np.array([(4.5, 4.5), (16.5, 4.5), (16.5, 16.5)]), 3, (1.0, 1.0, 1.0), 0.5)
    assert page[4, 10, 0] == page[4, 16, 0] == page[10, 16, 0] == 0.5
    assert page[10, 10, 0] == page[16, 4, 0] == 0


def test_a_path_fades_line_by_line_and_is_interrupted_by_missing_places():
    page = np.zeros((21, 41, 3), dtype=np.float32)
    places = np.array([(4.5, 4.5), (12.5, 4.5), (20.5, 4.5), (np.nan, np.nan), (28.5, 4.5), (36.5, 4.5)])
    canvas.paint_path(page, places, 3, (1.0, 1.0, 1.0), [0.2, 0.4, 0.6, 0.8, 1.0])
    assert np.allclose(page[4, [8, 12, 16, 24, 32], 0], [0.2, 0.4, 0.4, 0, 1])
    assert (page[7:] == 0).all()


def test_a_path_through_one_place_paints_nothing():
    page = np.zeros((9, 9, 3), dtype=np.float32)
    canvas.paint_path(page, np.array([(4.5, 4.5)]), 3, (1.0, 1.0, 1.0))
    assert (page == 0).all()
