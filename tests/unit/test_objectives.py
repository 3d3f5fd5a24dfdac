"""What learning minimises: keypoints/objectives.py."""

import pytest
import torch
from attention_keypoints.keypoints.objectives import (
    equivariance,
    localisation,
    published_label_loss,
    published_loss,
    spatial_cross_entropy,
)
from attention_keypoints.keypoints.recipes import LABELLED, UNLABELLED, recipe
from attention_keypoints.keypoints.selection import chosen_in_picture
from attention_keypoints.keypoints.targets import cauchys, gaussians, peaks
from attention_keypoints.keypoints.warps import (
    PUBLISHED_RANGE,
    WarpRange,
    move_points,
    no_warps,
    random_warps,
    warp_back,
)

SIZE = (24, 32)
WITH_LABELS = LABELLED["published"]


def seeded(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def warps(count, reach=PUBLISHED_RANGE):
    return random_warps(count, torch.Generator().manual_seed(1), reach, SIZE[1] / SIZE[0])


def mse(one, other):
    pairs = zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) / one.numel()


def centres_of_cells(*shape):
    """Random places of [*shape, 2], each the centre of a cell and far from the border."""
    cells = seeded(*shape, 2, seed=4) * torch.tensor([SIZE[1] / 2, SIZE[0] / 2]) + torch.tensor([8, 6])
    return (cells.floor() + 0.5) / torch.tensor([SIZE[1], SIZE[0]])


def test_localisation_is_the_mean_squared_difference_to_the_peak_at_the_maximum():
    maps = seeded(2, 3, *SIZE)
    expected = mse(maps, gaussians(peaks(maps), SIZE, (2.0, 2.0)))
    assert localisation(maps, 2.0).item() == pytest.approx(expected, rel=1e-4)


def test_localisation_is_zero_for_perfect_peaks_alone():
    perfect = gaussians(centres_of_cells(2, 3), SIZE, (2.0, 2.0))
    assert localisation(perfect, 2.0) < 1e-12
    assert localisation(0.5 * perfect, 2.0) > 1e-3


def test_localisation_moves_the_map_and_not_its_target():
    """With the target held, the gradient is 2 (map - target) / n."""
    maps = seeded(1, 2, *SIZE).requires_grad_()
    localisation(maps, 2.0).backward()
    expected = 2 * (maps - gaussians(peaks(maps), SIZE, (2.0, 2.0))).detach() / maps.numel()
    torch.testing.assert_close(maps.grad, expected)


def test_equivariance_is_the_mean_squared_difference_to_the_copys_maps_warped_back():
    maps, copies, theta = seeded(2, 3, *SIZE), seeded(2, 3, *SIZE, seed=1), warps(2)
    assert equivariance(maps, copies, theta).item() == pytest.approx(mse(maps, warp_back(copies, theta)), rel=1e-4)


def test_equivariance_is_nearly_zero_for_maps_that_move_with_the_picture():
    xy, theta = 0.4 + 0.2 * seeded(4, 3, 2), warps(4, WarpRange(zoom=1.0))  # a zoom would widen the peaks
    maps = gaussians(xy, SIZE, (3.0, 3.0))
    moved = gaussians(move_points(theta, xy), SIZE, (3.0, 3.0))
    assert equivariance(maps, moved, theta) < 0.05 * equivariance(maps, maps, theta)
    assert equivariance(maps, maps, no_warps(4)) < 1e-10


def test_equivariance_moves_the_maps_of_picture_and_copy():
    maps, copies = seeded(1, 2, *SIZE).requires_grad_(), seeded(1, 2, *SIZE, seed=1).requires_grad_()
    equivariance(maps, copies, warps(1)).backward()
    assert maps.grad.abs().max() > 0 and copies.grad.abs().max() > 0


@pytest.fixture
def unlabelled():
    """(recipe, maps, maps of the copies, theta) of two pictures and twelve tokens, four of them local."""
    chosen = recipe(UNLABELLED, "published", keypoints=2, tokens=12, local=4)
    return chosen, seeded(2, 12, *SIZE), seeded(2, 12, *SIZE, seed=1), warps(2)


def test_the_published_loss_is_100_localisation_and_1000_equivariance_over_the_chosen_tokens(unlabelled):
    chosen, maps, copies, theta = unlabelled
    loss, parts = published_loss(maps, copies, theta, recipe=chosen)
    local = same = 0.0
    for b in range(2):
        rows = chosen_in_picture(maps[b], copies[b], 2, 4)
        local += localisation(maps[b, rows], 2.0).item() / 2
        same += equivariance(maps[b : b + 1, rows], copies[b : b + 1, rows], theta[b : b + 1]).item() / 2
    assert loss.item() == pytest.approx(100 * local + 1000 * same, rel=1e-4)
    assert parts == pytest.approx({"localisation": local, "equivariance": same}, rel=1e-4)


def test_tokens_that_a_picture_does_not_choose_get_no_gradient_from_it(unlabelled):
    chosen, maps, copies, theta = unlabelled
    maps.requires_grad_()
    published_loss(maps, copies, theta, recipe=chosen)[0].backward()
    for b in range(2):
        moved = maps.grad[b].flatten(1).abs().amax(1).nonzero().flatten().tolist()
        assert moved == sorted(chosen_in_picture(maps[b].detach(), copies[b], 2, 4).tolist())


def test_perfect_maps_of_unwarped_copies_have_no_published_loss():
    perfect = gaussians(centres_of_cells(2, 5), SIZE, (2.0, 2.0))
    chosen = recipe(UNLABELLED, "published", keypoints=3, tokens=5)
    assert published_loss(perfect, perfect, no_warps(2), recipe=chosen)[0] < 1e-6


@pytest.mark.parametrize("cauchy, shape", [(False, gaussians), (True, cauchys)])
def test_the_published_loss_of_labels_is_one_to_one_to_five(cauchy, shape):
    maps, copies, theta, xy = seeded(2, 3, *SIZE), seeded(2, 3, *SIZE, seed=1), warps(2), seeded(2, 3, 2)
    chosen = recipe(LABELLED, "published", cauchy=cauchy)
    loss, parts = published_label_loss(maps, copies, theta, xy, torch.ones(2, 3), recipe=chosen)
    expected = {
        "localisation": mse(maps, gaussians(peaks(maps), SIZE, (2.0, 2.0))),
        "equivariance": mse(maps, warp_back(copies, theta)),
        "labels": mse(maps, shape(xy, SIZE, (0.05 * SIZE[0], 0.05 * SIZE[1]))),
    }
    assert parts == pytest.approx(expected, rel=1e-4)
    total = expected["localisation"] + expected["equivariance"] + 5 * expected["labels"]
    assert loss.item() == pytest.approx(total, rel=1e-4)


def test_unlabelled_keypoints_count_nothing_in_the_published_loss_of_labels():
    maps, copies, theta, xy = seeded(2, 3, *SIZE), seeded(2, 3, *SIZE, seed=1), warps(2), seeded(2, 3, 2)
    weight = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    xy[weight == 0] = torch.nan
    maps.requires_grad_()
    loss, _ = published_label_loss(maps, copies, theta, xy, weight, recipe=WITH_LABELS)
    loss.backward()
    assert torch.equal(maps.grad.flatten(2).abs().amax(-1) > 0, weight > 0)
    other = torch.where(weight[..., None, None] > 0, maps.detach(), 0.7)
    assert published_label_loss(other, copies, theta, xy, weight, recipe=WITH_LABELS)[0] == loss


def test_a_picture_without_any_label_has_no_loss_and_no_nan():
    maps, xy = seeded(1, 3, *SIZE).requires_grad_(), torch.full((1, 3, 2), torch.nan)
    nothing = torch.zeros(1, 3)
    for loss in (
        published_label_loss(maps, maps, warps(1), xy, nothing, recipe=WITH_LABELS)[0],
        spatial_cross_entropy(maps, xy, nothing, 0.05),
    ):
        (slope,) = torch.autograd.grad(loss, maps)
        assert loss == 0 and (slope == 0).all()


def test_the_cross_entropy_is_the_written_out_formula():
    maps, xy, weight = seeded(1, 2, 6, 8), seeded(1, 2, 2), torch.tensor([[1.0, 0.25]])
    total = 0.0
    for k in range(2):
        target = gaussians(xy[0, k], (6, 8), (0.6, 0.8))
        share = maps[0, k] / maps[0, k].sum()
        total += weight[0, k].item() * -(target / target.sum() * share.log()).sum().item()
    assert spatial_cross_entropy(maps, xy, weight, 0.1).item() == pytest.approx(total / 1.25, rel=1e-4)


def test_the_cross_entropy_is_least_for_a_peak_at_the_label_and_grows_with_the_distance():
    label, weight = torch.tensor([[[0.5, 0.5]]]), torch.ones(1, 1)
    losses = [
        spatial_cross_entropy(gaussians(torch.tensor([[[x, 0.5]]]), (32, 32), (1.6, 1.6)), label, weight, 0.05).item()
        for x in (0.5, 0.55, 0.6, 0.7, 0.8)
    ]
    assert losses == sorted(losses)
    for sigma in (1.2, 2.2):
        other = gaussians(label, (32, 32), (sigma, sigma))
        assert spatial_cross_entropy(other, label, weight, 0.05) > losses[0]


def test_the_cross_entropy_moves_a_dark_map_where_a_mean_squared_difference_hardly_does():
    """Both slopes along the way that a learner can take: the logits of the map."""
    label, weight = torch.tensor([[[0.3, 0.6]]]), torch.ones(1, 1)
    logits = torch.full((1, 1, 32, 32), -6.0, requires_grad=True)
    target = gaussians(label, (32, 32), (1.6, 1.6))
    (slope,) = torch.autograd.grad(spatial_cross_entropy(logits.sigmoid(), label, weight, 0.05), logits)
    (other,) = torch.autograd.grad((logits.sigmoid() - target).square().mean(), logits)
    assert slope.flatten().argmin() == target.flatten().argmax()
    assert slope.abs().max() > 1000 * other.abs().max()


def test_the_cross_entropy_does_not_ask_for_a_height():
    xy, weight = seeded(2, 3, 2), torch.ones(2, 3)
    maps = 0.1 + 0.9 * seeded(2, 3, *SIZE)
    torch.testing.assert_close(
        spatial_cross_entropy(0.01 * maps, xy, weight, 0.05), spatial_cross_entropy(maps, xy, weight, 0.05)
    )


def test_a_label_that_is_not_there_does_not_move_the_cross_entropy():
    xy, weight = seeded(2, 3, 2), torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    maps = seeded(2, 3, *SIZE)
    expected = spatial_cross_entropy(maps, xy, weight, 0.05)
    xy[weight == 0] = torch.nan
    maps.requires_grad_()
    loss = spatial_cross_entropy(maps, xy, weight, 0.05)
    loss.backward()
    assert loss == expected
    assert (maps.grad[weight == 0] == 0).all() and maps.grad.isfinite().all()
