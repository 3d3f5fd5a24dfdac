"""Drawn figures: repeatable, and what they claim about themselves is what one sees."""

import numpy as np
import pytest
import torch
from attention_keypoints.demo.figures import COLOURS, JOINTS, PARTS, draw_figure
from attention_keypoints.demo.world import UNSEEN, demo_pictures
from attention_keypoints.keypoints.skeletons import FIGURE_14

PART_OF_JOINT = {joint: index for index, joint in enumerate(PARTS.values()) if joint}
JITTER = 15  # a part's paint differs by up to 14 from its colour, and drawing rounds


@pytest.fixture(scope="module")
def figures():
    return [draw_figure(seed) for seed in range(100)]


@pytest.fixture(scope="module")
def joints_seen(figures):
    """(visible, wears its part's colour) for each joint inside its picture."""
    found = []
    for figure in figures:
        for index, name in enumerate(JOINTS):
            x, y = figure.joints[index]
            if 0 <= x < 1 and 0 <= y < 1:
                pixel = figure.picture[int(y * 256), int(x * 256)].astype(int)
                paint = COLOURS[figure.colours[PART_OF_JOINT[name]]]
                found.append((bool(figure.visible[index]), np.abs(pixel - paint).max() <= JITTER))
    return np.array(found)


def test_a_seed_gives_the_same_figure_every_time():
    one, other = draw_figure(12), draw_figure(12)
    assert np.array_equal(one.picture, other.picture) and np.array_equal(one.joints, other.joints)
    assert one.colours == other.colours


def test_a_seed_gives_the_same_figure_for_ever():
    """The shipped model and the published figures belong to exactly these pictures."""
    figure = draw_figure(0)
    assert figure.colours[:4] == ("yellow", "orange", "red", "pink")
    expected = [[0.4783, 0.1927], [0.1033, 0.3921], [0.5745, 0.8618]]
    np.testing.assert_allclose(figure.joints[[0, 4, 13]], expected, atol=1e-4)


def test_other_seeds_give_other_poses_colours_and_backgrounds(figures):
    assert len({figure.colours for figure in figures}) == len(figures)
    assert np.stack([figure.joints for figure in figures]).std(0).min() > 0.03
    corners = np.stack([figure.picture[0, 0] for figure in figures]).astype(float)
    assert corners.std(0).min() > 20


def test_a_figure_says_all_that_its_shape_promises(figures):
    for figure in figures:
        assert figure.picture.shape == (256, 256, 3) and figure.picture.dtype == np.uint8
        assert figure.joints.shape == (14, 2) and figure.joints.dtype == np.float32
        assert figure.visible.shape == (14,) and figure.visible.dtype == bool
        assert figure.centres.shape == (16, 2) and figure.centres.dtype == np.float32
        assert len(figure.colours) == 16 and set(figure.colours) <= set(COLOURS)


def test_a_visible_joint_has_the_colour_of_its_part(joints_seen):
    visible = joints_seen[joints_seen[:, 0]]
    assert visible[:, 1].mean() > 0.99, "up to one in a hundred lies on the soft edge of its part"


def test_a_hidden_joint_mostly_shows_something_else(joints_seen):
    hidden = joints_seen[~joints_seen[:, 0]]
    assert hidden[:, 1].mean() < 0.2, "what hides it may have its colour by chance"


def test_some_joints_are_hidden_and_most_are_not(joints_seen):
    assert 0.02 < 1 - joints_seen[:, 0].mean() < 0.2


def test_a_joint_outside_the_picture_is_not_visible():
    figures = [draw_figure(seed) for seed in range(300)]
    outside = [((f.joints < 0) | (f.joints >= 1)).any(1) for f in figures]
    assert sum(o.sum() for o in outside) > 0, "some figures are cut by the border"
    assert not any((o & f.visible).any() for o, f in zip(outside, figures, strict=True))


def test_the_figures_right_side_is_on_the_viewers_left(figures):
    right, left = JOINTS.index("right_shoulder"), JOINTS.index("left_shoulder")
    assert all(figure.joints[right, 0] < figure.joints[left, 0] for figure in figures)


def test_the_centre_of_a_part_with_a_joint_is_that_joint(figures):
    for figure in figures[:10]:
        for index, joint in enumerate(PARTS.values()):
            if joint:
                assert np.array_equal(figure.centres[index], figure.joints[JOINTS.index(joint)])


def test_a_smaller_drawing_is_the_same_figure():
    small, large = draw_figure(7, 64), draw_figure(7)
    assert small.picture.shape == (64, 64, 3)
    assert np.array_equal(small.joints, large.joints)
    shrunk = large.picture.reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(small.picture - shrunk).mean() < 6


def test_demo_pictures_are_the_figures_of_their_numbers():
    images, keypoints, colours = demo_pictures(5, 2)
    figure = draw_figure(6)
    assert images.shape == (2, 256, 256, 3) and images.dtype == torch.float32
    assert torch.equal((images[1] * 255).round().to(torch.uint8), torch.from_numpy(figure.picture.copy()))
    assert torch.equal(keypoints.xy[1], torch.from_numpy(figure.joints))
    assert torch.equal(keypoints.visible[1], torch.from_numpy(figure.visible))
    assert keypoints.names == FIGURE_14.names == JOINTS
    assert colours[1] == figure.colours


def test_demo_pictures_never_reach_into_the_training_set():
    with pytest.raises(ValueError, match=f"0 to {UNSEEN - 1}; asked for {UNSEEN - 1} to {UNSEEN}"):
        demo_pictures(UNSEEN - 1, 2)
