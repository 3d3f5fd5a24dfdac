"""Random affine warps and the way back: keypoints/warps.py."""

import math

import pytest
import torch
from attention_keypoints.keypoints.targets import gaussians
from attention_keypoints.keypoints.warps import (
    PUBLISHED_RANGE,
    WarpRange,
    coverage,
    inverse,
    labels_of_copies,
    move_points,
    no_warps,
    random_warps,
    warp,
    warp_back,
    warp_pictures,
)

WIDE = WarpRange(rotation=40, zoom=1.5, shift=0.2)


def draws(count=500, seed=0, **options):
    return random_warps(count, torch.Generator().manual_seed(seed), **options)


def in_pixels(theta, width, height):
    """[B, 2, 2]: the linear part of warps, between pixels instead of -1..1."""
    size = torch.tensor([width, height], dtype=torch.float32)
    return theta[..., :2] * size[:, None] / size


def smooth(count, rows, columns, seed=0):
    """[count, 1, rows, columns] pictures without sharp edges, which survive being resampled."""
    small = torch.rand(count, 1, 5, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (rows, columns), mode="bicubic", align_corners=False)


def centre_of(picture):
    """[B, 2] in 0..1: the centre of mass of pictures [B, 1, H, W]."""
    rows, columns = picture.shape[-2:]
    share = picture[:, 0] / picture.sum((1, 2, 3))[:, None, None]
    x = (share.sum(1) * (torch.arange(columns) + 0.5)).sum(-1) / columns
    y = (share.sum(2) * (torch.arange(rows) + 0.5)).sum(-1) / rows
    return torch.stack([x, y], -1)


def test_the_inverse_of_a_warp_undoes_it_exactly():
    theta = draws(reach=WIDE, aspect=1.7)
    xy = torch.rand(len(theta), 5, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(move_points(inverse(theta), move_points(theta, xy)), xy, rtol=0, atol=1e-5)
    torch.testing.assert_close(inverse(inverse(theta)), theta, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rows, columns", [(64, 64), (48, 96), (96, 40)])
def test_a_bright_dot_is_found_where_move_points_says(rows, columns):
    theta = draws(40, aspect=columns / rows)
    xy = 0.4 + 0.2 * torch.rand(40, 1, 2, generator=torch.Generator().manual_seed(2))
    dots = gaussians(xy, (rows, columns), (1.5, 1.5))
    moved = move_points(theta, xy)
    assert (moved - xy).abs().max() > 0.05, "the warps must move something"
    found = centre_of(warp(dots, theta))
    assert ((found - moved[:, 0]) * torch.tensor([columns, rows])).abs().max() < 0.1


@pytest.mark.parametrize("rows, columns", [(64, 64), (48, 96)])
def test_a_picture_warped_there_and_back_is_itself_wherever_the_warped_one_shows_it(rows, columns):
    theta, pictures = draws(20, aspect=columns / rows), smooth(20, rows, columns)
    back, shown = warp_back(warp(pictures, theta), theta), coverage(theta, (rows, columns)) > 0.999
    inner = shown[..., 2:-2, 2:-2]  # the outermost cells are mixed with the black beyond them
    assert inner.float().mean() > 0.5
    assert (back - pictures)[..., 2:-2, 2:-2][inner].abs().max() < 0.02


def test_coverage_is_one_where_the_warped_picture_shows_the_original_and_zero_elsewhere():
    theta, size = draws(20, reach=WIDE), (32, 48)
    rows, columns = size
    x, y = (torch.arange(columns) + 0.5) / columns, (torch.arange(rows) + 0.5) / rows
    cells = torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns)], -1).view(1, -1, 2)
    moved = move_points(theta, cells.expand(20, -1, -1)).unflatten(1, size)
    margin = torch.tensor([1 / columns, 1 / rows])
    inside = ((moved > margin) & (moved < 1 - margin)).all(-1)
    outside = ((moved < -margin) | (moved > 1 + margin)).any(-1)
    shown = coverage(theta, size)[:, 0]
    assert inside.any() and outside.any()
    torch.testing.assert_close(shown[inside], torch.ones_like(shown[inside]))
    assert (shown[outside] == 0).all()


def test_what_lies_beyond_the_original_is_black():
    aside = no_warps(1)
    aside[0, 0, 2] = 1.0  # looks half a picture further to the right
    seen = warp(torch.ones(1, 1, 8, 8), aside)[0, 0]
    assert (seen[:, :4] == 1).all() and (seen[:, 4:] == 0).all()


def test_no_warp_leaves_everything_where_it_is():
    pictures, theta = smooth(3, 20, 30), no_warps(3)
    torch.testing.assert_close(warp(pictures, theta), pictures, rtol=0, atol=1e-6)
    assert (coverage(theta, (20, 30)) - 1).abs().max() < 1e-5
    xy = torch.rand(3, 4, 2)
    torch.testing.assert_close(move_points(theta, xy), xy)


def test_warps_reach_the_published_limits_and_never_pass_them():
    theta = draws(4000)
    scale = theta[:, 0, :2].norm(dim=-1)
    angle = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 14.8 < angle.max() <= 15.001 and -15.001 <= angle.min() < -14.8
    assert 0.8 - 1e-5 <= scale.min() < 0.802 and 0.998 < scale.max() <= 1 + 1e-5
    assert 0.248 < theta[..., 2].max() <= 0.25 and -0.25 <= theta[..., 2].min() < -0.248
    assert (PUBLISHED_RANGE.rotation, PUBLISHED_RANGE.zoom, PUBLISHED_RANGE.shift) == (15.0, 1.25, 0.125)


def test_a_range_of_nothing_gives_no_warps():
    torch.testing.assert_close(draws(5, reach=WarpRange(0, 1, 0), aspect=2.0), no_warps(5))


def test_the_same_seed_draws_the_same_warps_and_another_seed_others():
    assert torch.equal(draws(6, seed=3), draws(6, seed=3))
    assert not torch.equal(draws(6, seed=3), draws(6, seed=4))


@pytest.mark.parametrize("width, height", [(512, 512), (768, 256), (300, 640)])
def test_in_pictures_that_are_not_square_a_rotation_stays_one(width, height):
    """All distances in pixels change by one factor, the zoom, and by nothing else."""
    theta = draws(50, aspect=width / height)
    generator = torch.Generator().manual_seed(5)
    xy = torch.rand(50, 6, 2, generator=generator)
    size = torch.tensor([width, height])
    before, after = torch.cdist(xy * size, xy * size), torch.cdist(*[move_points(theta, xy) * size] * 2)
    apart = before > 1
    factor = (after / before.clamp_min(1)).masked_fill(~apart, 0).flatten(1).amax(1)
    assert (factor > 0.999).all() and (factor < 1.2501).all()
    torch.testing.assert_close(after, before * factor[:, None, None], rtol=1e-3, atol=0.2)
    turn = in_pixels(theta, width, height) * factor[:, None, None]
    torch.testing.assert_close(turn @ turn.mT, torch.eye(2).expand(50, 2, 2), rtol=0, atol=2e-3)
    assert (torch.linalg.det(turn) > 0).all(), "no mirror image"


def test_a_turn_to_the_right_moves_points_by_its_angle():
    quarter = math.radians(90)
    theta = torch.tensor([[[math.cos(quarter), -math.sin(quarter), 0], [math.sin(quarter), math.cos(quarter), 0]]])
    top = torch.tensor([[[0.5, 0.1]]])
    torch.testing.assert_close(move_points(theta, top), torch.tensor([[[0.1, 0.5]]]), rtol=0, atol=1e-6)


def test_pictures_are_warped_as_their_single_channels_are_and_stay_in_range():
    pictures, theta = torch.rand(3, 10, 14, 3), draws(3)
    found = warp_pictures(pictures, theta)
    assert found.shape == pictures.shape and found.min() >= 0 and found.max() <= 1
    torch.testing.assert_close(found[..., 1], warp(pictures[..., 1][:, None], theta)[:, 0])


def test_labels_follow_their_picture_into_every_copy_and_count_nothing_where_they_left_it():
    aside = no_warps(1)
    aside[0, 0, 2] = 1.0  # shows the right half, half a picture further to the left
    theta = torch.stack([torch.cat([no_warps(1), aside])] * 2)
    xy = torch.tensor([[[0.75, 0.5], [0.25, 0.5]], [[0.9, 0.1], [math.nan, math.nan]]])
    weight = torch.tensor([[1.0, 0.25], [1.0, 0.0]])
    moved, left = labels_of_copies(xy, weight, theta)
    torch.testing.assert_close(moved[0], xy[0])
    torch.testing.assert_close(moved[1], torch.tensor([[0.25, 0.5], [-0.25, 0.5]]))
    torch.testing.assert_close(moved[3, 0], torch.tensor([0.4, 0.1]))
    assert left.tolist() == [[1.0, 0.25], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
    assert moved.isfinite().all()
