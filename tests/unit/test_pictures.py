"""Pictures as the model can read them: any size, any channels, or a clear sentence."""

import pytest
import torch
from attention_keypoints.attention.pictures import readable_pictures


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_a_picture_that_fits_is_not_touched():
    images = pictures(2, 64, 40, 3)
    assert torch.equal(readable_pictures(images), images)


@pytest.mark.parametrize(
    "size, expected",
    [((203, 133), (200, 136)), ((1, 1), (32, 32)), ((3, 45), (32, 48)), ((45, 43), (48, 40)), ((64, 65), (64, 64))],
)
def test_sides_become_the_nearest_multiples_of_eight_and_at_least_32(size, expected):
    assert readable_pictures(pictures(1, *size, 3)).shape == (1, *expected, 3)


def test_pictures_are_scaled_not_cropped():
    images = torch.zeros(1, 60, 60, 3)
    images[:, :, 57:] = 1  # a stripe at the right border, which cropping to 56 would lose
    scaled = readable_pictures(images)
    assert scaled.shape == (1, 64, 64, 3)
    assert scaled[:, :, -1].min() > 0.99 and scaled[:, :, :58].max() < 0.01


def test_a_place_in_the_picture_stays_the_same_share_of_its_sides():
    rows = torch.linspace(0, 1, 203)[:, None].expand(203, 133)
    scaled = readable_pictures(rows[None, ..., None])[0, :, 0, 0]
    torch.testing.assert_close(scaled, torch.linspace(0, 1, 200), atol=0.005, rtol=0)


@pytest.mark.parametrize(
    "size, longest, expected",
    [((512, 384), 256, (256, 192)), ((300, 900), 512, (168, 512)), ((64, 64), 512, (64, 64)), ((999, 8), 64, (64, 32))],
)
def test_large_pictures_are_shrunk_to_the_longest_side(size, longest, expected):
    assert readable_pictures(pictures(1, *size, 3), longest).shape == (1, *expected, 3)


def test_grey_is_repeated_and_alpha_is_dropped():
    images = pictures(1, 32, 40, 4)
    assert torch.equal(readable_pictures(images), images[..., :3])
    assert torch.equal(readable_pictures(images[..., :1]), images[..., :1].repeat(1, 1, 1, 3))


def test_values_outside_zero_to_one_are_brought_inside():
    scaled = readable_pictures(3 * pictures(1, 20, 20, 3) - 1)
    assert scaled.min() == 0 and scaled.max() == 1


@pytest.mark.parametrize("shape", [(16, 16, 3), (1, 16, 16, 2), (1, 3, 16, 16), (1, 1, 16, 16, 3)])
def test_a_wrong_shape_is_told(shape):
    with pytest.raises(ValueError, match=r"batch, height, width, channels.*got \["):
        readable_pictures(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 16, 16, 3), (1, 0, 16, 3)])
def test_an_empty_batch_is_told(shape):
    with pytest.raises(ValueError, match="at least one picture, got an empty batch"):
        readable_pictures(torch.zeros(shape))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pictures_with_values_that_are_no_numbers_are_told_by_their_place(value):
    images = pictures(4, 16, 16, 3)
    images[1, 3, 3, 0] = images[3, 0, 0, 2] = value
    with pytest.raises(ValueError, match="Picture 2, 4 of 4 .*not numbers"):
        readable_pictures(images)
