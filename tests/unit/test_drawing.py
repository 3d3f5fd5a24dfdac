"""Keypoints over pictures: keypoints/drawing.py and keypoints/placement.py."""

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints.drawing import draw_keypoints
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.placement import place_labels
from attention_keypoints.keypoints.skeletons import FIGURE_14

NAN = float("nan")


def points(*places, score=None, visible=None, skeleton=(), batch=1) -> Keypoints:
    count = len(places)
    return Keypoints(
        xy=torch.tensor([places] * batch),
        score=torch.tensor([score or [1.0] * count] * batch),
        visible=torch.tensor([visible or [True] * count] * batch),
        names=[f"point {k}" for k in range(count)],
        skeleton=skeleton,
    )


def changed(drawn: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """[H, W] bool, where the first picture differs."""
    return (drawn[0] - images[0]).abs().amax(dim=-1) > 0.02


@pytest.mark.parametrize(("height", "width"), [(47, 31), (31, 47), (64, 65), (640, 2048)])
def test_a_point_is_drawn_around_its_pixel_centre(height, width):
    images = torch.full((1, height, width, 3), 0.5)
    row, column = height // 3, width // 2
    drawn = draw_keypoints(images, points([(column + 0.5) / width, (row + 0.5) / height]), show_names=False)
    rows, columns = torch.where(changed(drawn, images))
    assert (rows.min() + rows.max()).item() == 2 * row
    assert (columns.min() + columns.max()).item() == 2 * column


def test_a_point_without_coordinates_is_skipped_with_its_limb_and_name():
    images = torch.rand(1, 60, 80, 3)
    absent = points([NAN, NAN], [0.8, 0.5], skeleton=[(0, 1)])
    drawn = draw_keypoints(images, absent, show_names=False)
    assert changed(drawn, images)[:, 50:].any() and not changed(drawn, images)[:, :50].any()
    left_out = points([0.1, 0.1], [0.8, 0.5], score=[0.0, 1.0], skeleton=[(0, 1)])
    assert torch.equal(draw_keypoints(images, absent), draw_keypoints(images, left_out, min_score=0.5))


def test_no_labelled_point_leaves_the_picture():
    images = torch.rand(1, 60, 80, 3)
    assert torch.equal(draw_keypoints(images, points([NAN, NAN])), images)


def test_points_of_low_score_are_left_out():
    images = torch.rand(1, 60, 80, 3)
    assert torch.equal(draw_keypoints(images, points([0.5, 0.5], score=[0.3]), min_score=0.4), images)


def test_a_limb_runs_between_its_two_points():
    images = torch.zeros(1, 60, 80, 3)
    with_limb = draw_keypoints(images, points([0.1, 0.5], [0.9, 0.5], skeleton=[(0, 1)]), show_names=False)
    without = draw_keypoints(images, points([0.1, 0.5], [0.9, 0.5]), show_names=False)
    assert with_limb[0, 30, 40].max() > 0.5 and without[0, 30, 40].max() == 0


def test_a_hidden_point_is_hollow():
    images = torch.full((1, 101, 101, 3), 0.5)
    options = {"show_names": False, "point_radius": 12}
    centre = [0.5, 0.5]
    hidden = draw_keypoints(images, points(centre, visible=[False]), **options)
    seen = draw_keypoints(images, points(centre), **options)
    assert not changed(hidden, images)[50, 50] and changed(hidden, images)[50, 62]
    assert changed(seen, images)[50, 50]


def brightness(*scores, visible=True, **options) -> list[float]:
    """How bright one point in the middle is drawn in a batch of pictures, for each score."""
    count, centre = len(scores), 25.5 / 51
    middle = Keypoints(
        torch.full((count, 1, 2), centre), torch.tensor(scores)[:, None], torch.full((count, 1), visible), ["middle"]
    )
    drawn = draw_keypoints(torch.zeros(count, 51, 51, 3), middle, show_names=False, point_radius=8, **options)
    return drawn.amax(dim=(1, 2, 3)).tolist()


def test_confidence_fades_points_but_not_to_nothing():
    faint, half, full = brightness(0.0, 0.5, 1.0)
    assert 0.1 < faint < half < full
    assert brightness(0.0, confidence_as_opacity=False) == pytest.approx([full])


def test_shares_of_attention_fade_against_the_highest_of_the_same_point():
    chances, shares = brightness(0.5, 1.0), brightness(0.015, 0.03)
    assert shares == pytest.approx(chances)
    assert brightness(0.03) == pytest.approx(chances[1:])


def test_the_chance_of_a_hidden_point_fades_as_it_is():
    seldom, never = brightness(0.4, 0.02, visible=False)
    assert never < seldom < brightness(1.0, visible=False)[0] * 0.8


def moving(*across) -> Keypoints:
    """One point in each of some frames, at these parts of the width; None where it is missing."""
    xy = torch.tensor([[[NAN if x is None else x, NAN if x is None else 0.5]] for x in across])
    return Keypoints(xy, torch.ones(len(across), 1), ~xy.isnan().any(-1), ["moving"])


def ink(frame: torch.Tensor, *columns) -> list[float]:
    return [round(frame[50, column].max().item(), 2) for column in columns]


def test_a_trail_shows_the_last_frames_and_fades():
    images = torch.zeros(4, 101, 101, 3)
    drawn = draw_keypoints(images, moving(0.1, 0.3, 0.5, 0.9), show_names=False, trail=2)
    recent, older, gone = ink(drawn[3], 75, 40, 20)
    assert recent > older > 0.2 and gone == 0
    assert ink(drawn[0], 30, 75) == [0, 0]
    assert torch.equal(draw_keypoints(images, moving(0.1, 0.3, 0.5, 0.9), show_names=False)[0], drawn[0])


def test_a_trail_is_interrupted_where_the_point_is_missing():
    drawn = draw_keypoints(torch.zeros(5, 101, 101, 3), moving(0.1, 0.3, None, 0.6, 0.9), show_names=False, trail=9)
    before, between, after = ink(drawn[4], 20, 45, 75)
    assert before > 0.1 and between == 0 and after > before


def test_names_and_scores_are_written_when_asked_for():
    images = torch.full((1, 200, 200, 3), 0.5)
    ink = [
        int(
            changed(
                draw_keypoints(images, points([0.5, 0.5]), show_names=names, show_score=score), images
            ).sum()
        )
        for names, score in ((False, False), (True, False), (True, True))
    ]
    assert ink[0] < ink[1] < ink[2]


def test_joints_of_a_known_skeleton_have_their_usual_colours():
    images = torch.full((1, 128, 128, 3), 0.5)
    xy = torch.full((1, 14, 2), NAN)
    xy[0, 0] = 0.5
    head = Keypoints(xy, torch.ones(1, 14), torch.ones(1, 14), FIGURE_14.names, FIGURE_14.limbs)
    drawn = draw_keypoints(images, head, point_radius=5, show_names=False)
    assert drawn[0, 64, 64].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (640, 2048)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size_and_channels_are_drawn_on(size, channels):
    images = torch.rand(3, *size, channels)
    three = points([0.1, 0.2], [0.5, 0.5], [2.0, -1.0], batch=3, skeleton=[(0, 1), (1, 2)])
    drawn = draw_keypoints(images, three, show_score=True)
    assert drawn.shape == (3, *size, 3) and drawn.min() >= 0 and drawn.max() <= 1


def test_the_pictures_given_are_not_painted_on():
    images = torch.rand(1, 60, 80, 3)
    before = images.clone()
    draw_keypoints(images, points([0.5, 0.5]))
    assert torch.equal(images, before)


def test_one_picture_serves_many_keypoints_and_the_reverse():
    one, three = torch.rand(1, 40, 50, 3), torch.rand(3, 40, 50, 3)
    many = Keypoints(torch.tensor([[[0.2, 0.2]], [[0.8, 0.8]]]), torch.ones(2, 1), torch.ones(2, 1), ["a"])
    drawn = draw_keypoints(one, many, show_names=False)
    assert not changed(drawn[:1], one)[20:].any() and not changed(drawn[1:], one)[:20].any()
    assert len(draw_keypoints(three, points([0.5, 0.5]))) == 3
    with pytest.raises(ValueError, match="3 pictures but keypoints of 2"):
        draw_keypoints(three, many)


def test_labels_avoid_each_other_the_points_and_the_edge():
    places = np.array([[150.0, 100], [151, 100], [150, 101], [5, 5], [6, 5], [295, 195]])
    boxes = place_labels(places, np.full(6, 60.0), 14, 6, places, (300, 200))
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= 300 and bottom <= 200
        assert not ((places > (left, top)) & (places < (right, bottom))).all(axis=1).any()
        for other in boxes[:i]:
            assert min(right, other[2]) <= max(left, other[0]) or min(bottom, other[3]) <= max(top, other[1])
