"""Linear landmark regression: keypoints/landmarks.py."""

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.landmarks import apply_landmarks, fit_landmarks
from attention_keypoints.keypoints.skeletons import FIGURE_14

NAN = float("nan")


def points(xy, names=None, **changes) -> Keypoints:
    count = xy.shape[1]
    parts = {"xy": xy, "score": torch.ones(xy.shape[:2]), "visible": torch.ones(xy.shape[:2], dtype=torch.bool)}
    return Keypoints(**(parts | changes), names=names or [f"point {i}" for i in range(count)])


@pytest.fixture
def world():
    """world(pictures, ...): keypoints, and landmarks that are a linear map of them; the same map every time."""
    weights = torch.randn(8, 10, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 0.3

    def make(pictures, seed=0, noise=0.0):
        generator = torch.Generator().manual_seed(seed)
        xy = torch.rand(pictures, 4, 2, generator=generator, dtype=torch.float64)
        landmarks = ((xy - 0.5).flatten(1) @ weights + 0.5).unflatten(1, (5, 2))
        landmarks += noise * torch.randn(landmarks.shape, generator=generator, dtype=torch.float64)
        names = ("left_hand", "right_hand", "left_foot", "right_foot", "head")
        return points(xy), points(landmarks, names, skeleton=[(4, 0)])

    return make


def test_a_linear_map_is_found_exactly_and_holds_for_new_pictures(world):
    landmarks = fit_landmarks(*world(30))
    keypoints, truth = world(50, seed=1)
    found = apply_landmarks(keypoints, landmarks)
    torch.testing.assert_close(found.xy, truth.xy, rtol=0, atol=1e-5)
    assert landmarks.error.max() < 1e-6
    assert found.names == truth.names and found.skeleton == truth.skeleton


def test_the_fit_is_that_of_the_papers_formula(world):
    keypoints, labels = world(12, noise=0.1)
    x, y = (part.xy.numpy().reshape(12, -1).astype(np.float64) - 0.5 for part in (keypoints, labels))
    expected = np.linalg.pinv(x.T @ x) @ x.T @ y
    np.testing.assert_allclose(fit_landmarks(keypoints, labels).weights.numpy(), expected, atol=1e-6)


def test_the_centre_stays_the_centre_for_lack_of_a_bias(world):
    landmarks = fit_landmarks(*world(30, noise=0.1))
    found = apply_landmarks(points(torch.full((1, 4, 2), 0.5)), landmarks)
    assert (found.xy == 0.5).all()


def test_fewer_pictures_than_coordinates_give_the_smallest_map_that_meets_all_labels(world):
    keypoints, labels = world(3, noise=0.1)
    landmarks = fit_landmarks(keypoints, labels)
    torch.testing.assert_close(apply_landmarks(keypoints, landmarks).xy, labels.xy, rtol=0, atol=1e-5)
    x, y = (part.xy.numpy().reshape(3, -1) - 0.5 for part in (keypoints, labels))
    smallest = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(landmarks.weights.numpy(), smallest, atol=1e-4)


def test_a_ridge_makes_the_map_of_few_noisy_pictures_better_on_new_ones(world):
    keypoints, labels = world(9, noise=0.05)
    new, truth = world(50, seed=1)

    def error(ridge):
        found = apply_landmarks(new, fit_landmarks(keypoints, labels, ridge=ridge))
        return (found.xy - truth.xy).norm(dim=-1).mean()

    assert error(0.05) < 0.8 * error(0.0)


def test_a_ridge_close_to_nothing_is_the_plain_fit(world):
    keypoints, labels = world(30, noise=0.05)
    plain, ridged = (fit_landmarks(keypoints, labels, ridge=ridge).weights for ridge in (0.0, 1e-9))
    torch.testing.assert_close(ridged, plain, rtol=0, atol=1e-5)


def test_keypoints_that_always_lie_on_one_another_do_no_harm(world):
    keypoints, labels = world(30)
    doubled = points(torch.cat([keypoints.xy, keypoints.xy[:, :1]], dim=1))
    landmarks = fit_landmarks(doubled, labels)
    torch.testing.assert_close(apply_landmarks(doubled, landmarks).xy, labels.xy, rtol=0, atol=1e-5)
    assert landmarks.weights.abs().max() < 5


def test_each_landmark_is_fitted_where_it_is_labelled(world):
    keypoints, labels = world(40, noise=0.02)
    xy = labels.xy.clone()
    xy[::3, 0] = NAN
    xy[20:, 3] = NAN
    partly = fit_landmarks(keypoints, points(xy, labels.names)).weights
    for j, rows in ((0, [b for b in range(40) if b % 3]), (3, range(20)), (4, range(40))):
        rows = list(rows)
        alone = fit_landmarks(points(keypoints.xy[rows]), points(labels.xy[rows], labels.names)).weights
        torch.testing.assert_close(partly[:, 2 * j : 2 * j + 2], alone[:, 2 * j : 2 * j + 2], rtol=0, atol=1e-6)


def test_hidden_labels_count_unless_only_visible_ones_are_wanted(world):
    keypoints, labels = world(40)
    visible = torch.rand(40, 5, generator=torch.Generator().manual_seed(0)) < 0.7
    xy = labels.xy.clone()
    xy[~visible] = 0.9  # a guess of where the hidden ones are
    guessed = points(xy, labels.names, visible=visible)
    assert fit_landmarks(keypoints, guessed).error.min() > 0.05
    assert fit_landmarks(keypoints, guessed, visible_only=True).error.max() < 1e-6


def test_figures_seen_from_behind_are_found_and_turned(world):
    keypoints, labels = world(60)
    behind = torch.arange(60) % 3 == 0
    xy = labels.xy.clone()
    xy[behind] = xy[behind][:, [1, 0, 3, 2, 4]]
    turned = points(xy, labels.names)
    assert fit_landmarks(keypoints, turned).error[:4].min() > 0.02
    landmarks = fit_landmarks(keypoints, turned, swap_sides=True)
    assert landmarks.error.max() < 1e-6
    new, truth = world(20, seed=1)
    torch.testing.assert_close(apply_landmarks(new, landmarks).xy, truth.xy, rtol=0, atol=1e-5)


def test_swapping_sides_never_fits_worse(world):
    better = 0
    for seed in range(5):
        keypoints, labels = world(40, seed=seed, noise=0.1)
        labels.xy[::3] = labels.xy[::3][:, [1, 0, 3, 2, 4]]

        def misfit(keypoints=keypoints, labels=labels, **options):
            """Sum of squares to the better side of each picture."""
            found = apply_landmarks(keypoints, fit_landmarks(keypoints, labels, **options)).xy
            sides = [(found - labels.xy[:, order]).square().sum(dim=(1, 2)) for order in (range(5), [1, 0, 3, 2, 4])]
            return torch.minimum(*sides).sum().item()

        assert misfit(swap_sides=True) <= misfit() + 1e-6
        better += misfit(swap_sides=True) < 0.95 * misfit()
    assert better >= 4


def test_swapping_sides_does_not_take_a_landmarks_last_label(world):
    keypoints, labels = world(12, noise=0.3)
    xy = labels.xy.clone()
    xy[1:, 0] = NAN  # the left hand is labelled in one picture only
    for picture in range(12):
        moved = xy.clone()
        moved[0], moved[picture] = xy[picture], xy[0]
        landmarks = fit_landmarks(keypoints, points(moved, labels.names), swap_sides=True)
        assert landmarks.weights.isfinite().all() and landmarks.error.isfinite().all()


def test_a_picture_in_which_a_keypoint_was_not_found_is_left_out_and_gets_no_landmarks(world):
    keypoints, labels = world(30)
    xy = keypoints.xy.clone()
    xy[5, 2] = NAN
    landmarks = fit_landmarks(points(xy), labels)
    assert landmarks.error.max() < 1e-6
    found = apply_landmarks(points(xy), landmarks)
    assert (~found.labelled).nonzero()[:, 0].unique().tolist() == [5]
    assert found.visible.equal(found.labelled)


def test_landmarks_have_the_mean_confidence_of_their_keypoints(world):
    keypoints, labels = world(30)
    landmarks = fit_landmarks(keypoints, labels)
    scored = points(keypoints.xy[:1], score=torch.tensor([[0.1, 0.2, 0.3, 1.0]]))
    torch.testing.assert_close(apply_landmarks(scored, landmarks).score, torch.full((1, 5), 0.4))


def test_different_numbers_of_pictures_are_refused(world):
    with pytest.raises(ValueError, match="keypoints of 30 pictures but labels of 20"):
        fit_landmarks(world(30)[0], world(20)[1])


def test_a_landmark_that_is_labelled_nowhere_is_named(world):
    keypoints, labels = world(10)
    xy = labels.xy.clone()
    xy[:, 1] = NAN
    with pytest.raises(ValueError, match="labelled in none of the 10 pictures: right_hand. Label it"):
        fit_landmarks(keypoints, points(xy, labels.names))


def test_a_landmark_that_is_visible_nowhere_is_named(world):
    keypoints, labels = world(10)
    visible = torch.ones(10, 5, dtype=torch.bool)
    visible[:, 4] = False
    with pytest.raises(ValueError, match="labelled as visible in none of the 10 pictures: head"):
        fit_landmarks(keypoints, points(labels.xy, labels.names, visible=visible), visible_only=True)


def test_pictures_without_all_keypoints_are_mentioned_when_none_is_left(world):
    keypoints, labels = world(10)
    xy = keypoints.xy.clone()
    xy[:, 0] = NAN
    with pytest.raises(ValueError, match=r"10 pictures \(10 were left out: not all of their keypoints"):
        fit_landmarks(points(xy), labels)


def test_keypoints_of_other_tokens_are_refused(world):
    keypoints, labels = world(10)
    landmarks = fit_landmarks(keypoints, labels)
    with pytest.raises(ValueError, match="fitted to the keypoints point 0, .*but came with a, b, c, d"):
        apply_landmarks(points(keypoints.xy, ["a", "b", "c", "d"]), landmarks)


def test_a_hundred_pictures_of_a_known_skeleton_are_fitted_in_a_moment():
    generator = torch.Generator().manual_seed(0)
    xy = torch.rand(100, 14, 2, generator=generator)
    landmarks = fit_landmarks(points(xy[:, ::2]), points(xy, FIGURE_14.names), swap_sides=True)
    # Every second joint is a keypoint itself.
    assert landmarks.error[::2].mean() < landmarks.error[1::2].mean()
