"""The OpenPose control image: keypoints/pose_image.py."""

import numpy as np
import pytest
from attention_keypoints.keypoints.pose_frames import BODY, PoseFrame, no_points, write_frames
from attention_keypoints.keypoints.pose_image import draw_pose, standard_line_width
from attention_keypoints.keypoints.skeletons import OPENPOSE_18

RED, GREEN, BLUE = 0, 1, 2


def person(part=BODY, **places):
    """Joints by name, or by number as j3, at (x, y) or (x, y, score)."""
    points = no_points()
    for name, (x, y, *score) in places.items():
        k = int(name[1:]) if name[1:].isdigit() else OPENPOSE_18.names.index(name)
        points[part][k] = (x, y, *(score or [1]))
    return points


def frames(*people, width=128, height=96):
    return write_frames([PoseFrame(width, height, [one] if one else []) for one in people])


def test_a_picture_for_every_frame_of_the_size_of_the_canvas_or_any_other():
    drawn = draw_pose(frames(person(nose=(10, 10)), None), line_width=9)
    assert drawn.shape == (2, 96, 128, 3)
    assert drawn[0].max() == 1 and drawn[1].max() == 0
    assert draw_pose(frames(None), 40, 70).shape == (1, 70, 40, 3)


def test_every_joint_has_its_own_colour_where_it_is():
    places = {name: (30.5 + 40 * (k % 6), 30.5 + 40 * (k // 6)) for k, name in enumerate(OPENPOSE_18.names)}
    for name, colour in zip(OPENPOSE_18.names, OPENPOSE_18.colours, strict=True):
        x, y = (int(side) for side in places[name])
        alone = draw_pose(frames(person(**{name: places[name]}), width=256, height=256))[0].numpy()
        assert np.allclose(alone[y, x], colour) and alone[y, x + 20].max() == 0


def test_a_limb_is_an_ellipse_as_wide_in_its_middle_as_asked():
    one = frames(person(neck=(14, 48), nose=(114, 48)))
    drawn = draw_pose(one, line_width=10)[0, :, :, BLUE].numpy()  # the limb of the nose is blue
    assert drawn[:, 64].sum() == pytest.approx(10, abs=0.1)
    assert drawn[:, 89].sum() == pytest.approx(10 * 0.75**0.5, abs=0.3)  # half way out
    assert draw_pose(one, line_width=4)[0, :, 64, BLUE].sum() == pytest.approx(4, abs=0.1)


def test_the_same_pose_at_twice_the_size_is_the_same_drawing():
    one = frames(person(neck=(64.3, 20.2), nose=(30.7, 70.1), right_shoulder=(100.4, 40.6)))
    small = draw_pose(one, line_width=9)[0].numpy()
    large = draw_pose(one, 256, 192, line_width=18)[0].numpy().reshape(96, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(large - small).sum() < 0.03 * small.sum()


def test_joints_lie_over_limbs_and_later_limbs_over_earlier_ones():
    crossing = person(neck=(64, 48), right_shoulder=(20, 48), right_elbow=(64, 90), right_hip=(64, 90))
    drawn = draw_pose(frames(crossing, height=128), line_width=9)[0].numpy()
    assert np.allclose(drawn[48, 64], OPENPOSE_18.colours[1])  # the neck over the limbs that end there
    over = person(neck=(64, 20), nose=(64, 76), right_shoulder=(36, 48), right_elbow=(92, 48))
    drawn = draw_pose(frames(over), line_width=9)[0]
    assert np.allclose(drawn[48, 64], OPENPOSE_18.colours[12])  # the nose's limb is the 13th


def test_points_of_low_score_are_left_out_with_their_limbs():
    drawn = draw_pose(frames(person(neck=(20.5, 48.5), nose=(100.5, 48.5, 0.25))), line_width=9)[0].numpy()
    assert drawn[48, 100].max() == drawn[48, 60].max() == 0 and drawn[48, 20].max() == 1


def test_limbs_reach_to_joints_outside_the_picture():
    drawn = draw_pose(frames(person(neck=(64, 60), nose=(64, -60))), line_width=9)[0].numpy()
    assert drawn[0, 64, BLUE] == 1 and drawn[..., RED].max() == 1  # the neck is orange, the nose red and not seen
    assert np.allclose(drawn[:40, :, RED], 0)


def test_hands_and_faces_of_other_frames_are_drawn():
    face = draw_pose(frames(person("face_keypoints_2d", j5=(64.5, 48.5))), line_width=9)[0, 48, 64]
    assert face.tolist() == [1, 1, 1]
    finger = person("hand_left_keypoints_2d", j0=(20.5, 48.5), j1=(100.5, 48.5))
    hand = draw_pose(frames(finger), line_width=9)[0, 48]
    assert hand[20].tolist() == [0, 0, 1] and hand[60].tolist() == [1, 0, 0]


def test_the_standard_limb_is_9_pixels_wide_at_512_and_in_proportion_elsewhere():
    assert standard_line_width(512, 512) == 9 and standard_line_width(256, 1024) == 9
    assert standard_line_width(1024, 1024) == 18
