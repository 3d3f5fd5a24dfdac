"""The data that passes between nodes as KEYPOINTS: keypoints/keypoints.py."""

import dataclasses

import pytest
import torch
from attention_keypoints.keypoints.keypoints import Keypoints

NAN = float("nan")


def keypoints(**changes) -> Keypoints:
    parts = {
        "xy": torch.tensor([[[0.5, 0.25], [NAN, NAN]]]),
        "score": torch.tensor([[0.9, 0.0]]),
        "visible": torch.tensor([[True, False]]),
        "names": ["head", "hand"],
        "skeleton": [[0, 1]],
    }
    return Keypoints(**(parts | changes))


def test_parts_are_brought_to_one_form():
    points = keypoints(xy=[[[0.5, 0.25], [NAN, NAN]]], visible=[[1, 0]], score=torch.zeros(1, 2).double())
    assert points.xy.dtype == points.score.dtype == torch.float32 and points.visible.dtype == torch.bool
    assert points.names == ("head", "hand") and points.skeleton == ((0, 1),)


def test_points_without_coordinates_are_not_labelled():
    assert keypoints().labelled.tolist() == [[True, False]]


def test_pixels_count_width_and_height_apart():
    assert keypoints().to_pixels(200, 80)[0, 0].tolist() == [100.0, 20.0]


def test_the_centre_of_the_only_pixel_is_at_one_half():
    assert keypoints(xy=torch.full((1, 2, 2), 0.5)).to_pixels(1, 1)[0, 0].tolist() == [0.5, 0.5]


def test_keypoints_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        keypoints().names = ("a", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xy": torch.zeros(2, 2)}, r"shape \[pictures, keypoints, 2\].*got \[2, 2\]"),
        ({"xy": torch.zeros(0, 2, 2)}, "at least one of each"),
        ({"score": torch.zeros(1, 3)}, r"'score' must be \[1, 2\].*got \[1, 3\]"),
        ({"visible": torch.zeros(2, 2)}, r"'visible' must be \[1, 2\].*got \[2, 2\]"),
        ({"names": ["head"]}, "2 keypoints but 1 names"),
        ({"names": ["head", "head"]}, "more than once: head"),
        ({"skeleton": [(0, 2)]}, "joins keypoints 0 and 2.*from 0 to 1"),
        ({"skeleton": [(1, 1)]}, "two different keypoints"),
        ({"xy": torch.tensor([[[0.5, NAN], [0.1, 0.1]]])}, "both NaN"),
        ({"xy": torch.tensor([[[0.5, float("inf")], [0.1, 0.1]]])}, "must be numbers"),
        ({"score": torch.tensor([[NAN, 0.0]])}, "use 0 where it is not labelled"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_a_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        keypoints(**changes)
