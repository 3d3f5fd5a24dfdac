"""Skeletons of points that nobody named: keypoints/spanning_tree.py."""

import numpy as np
import pytest
import torch
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.skeletons import FIGURE_14
from attention_keypoints.keypoints.spanning_tree import spanning_tree

NAN = float("nan")


def unnamed(xy) -> Keypoints:
    xy = torch.as_tensor(xy, dtype=torch.float32)
    score = torch.ones(xy.shape[:2])
    return Keypoints(xy, score, score > 0, [f"point {k}" for k in range(xy.shape[1])])


def joined(limbs) -> set[frozenset[int]]:
    return {frozenset(limb) for limb in limbs}


def rods(pictures: int, seed: int = 0) -> np.ndarray:
    """[B, 4, 2]: two rods, points 0 - 2 and 1 - 3, that turn about one wandering centre apart from each other."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, (pictures, 2))
    half = 0.13 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    centre = rng.uniform(0.3, 0.7, (pictures, 1, 2))
    return np.concatenate([centre - half, centre + half], axis=1)


@pytest.fixture(scope="module")
def figures() -> torch.Tensor:
    """[20, 14, 2]: the joints of demo figures."""
    return demo_pictures(0, 20)[1].xy


def test_the_limbs_of_figures_are_found_without_their_names(figures):
    limbs = spanning_tree(unnamed(figures[:10]))
    assert len(limbs) == 13
    assert len(joined(limbs) & joined(FIGURE_14.limbs)) >= 10


def test_missing_and_wrong_points_do_little_harm(figures):
    rng = np.random.default_rng(0)
    xy = figures.numpy() + rng.normal(0, 0.01, figures.shape)
    xy = np.where(rng.random((20, 14, 1)) < 0.1, rng.random((20, 14, 2)), xy)
    xy = np.where(rng.random((20, 14, 1)) < 0.2, NAN, xy)
    assert len(joined(spanning_tree(unnamed(xy))) & joined(FIGURE_14.limbs)) >= 10


def test_what_stays_apart_the_same_is_joined_and_not_what_comes_close():
    assert {frozenset((0, 2)), frozenset((1, 3))} <= joined(spanning_tree(unnamed(rods(40))))


def test_limbs_lead_outwards_from_the_middle():
    row = np.tile(np.array([[0.1, 0.5], [0.3, 0.5], [0.5, 0.5], [0.7, 0.5], [0.9, 0.5]]), (2, 1, 1))
    assert set(spanning_tree(unnamed(row))) == {(2, 1), (1, 0), (2, 3), (3, 4)}


def test_points_never_seen_together_are_not_joined():
    xy = torch.tensor([[[0.1, 0.1], [0.2, 0.1], [NAN, NAN], [NAN, NAN], [NAN, NAN]],
                       [[NAN, NAN], [NAN, NAN], [0.1, 0.1], [0.2, 0.1], [NAN, NAN]]])  # fmt: skip
    assert joined(spanning_tree(unnamed(xy))) == {frozenset((0, 1)), frozenset((2, 3))}


def test_one_point_and_points_never_seen_have_no_limbs():
    assert spanning_tree(unnamed([[[0.5, 0.5]]])) == ()
    assert spanning_tree(unnamed([[[NAN, NAN]] * 3])) == ()


def test_points_in_one_place_are_joined_into_a_tree():
    assert len(spanning_tree(unnamed(np.full((3, 5, 2), 0.5)))) == 4


def test_very_many_pictures_are_looked_at_in_part():
    many = np.repeat(rods(50), 600, axis=0).repeat(5, axis=1)  # 30 000 pictures of 20 points
    assert len(spanning_tree(unnamed(many))) == 19
