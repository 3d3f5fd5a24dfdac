"""The pose nodes, and what the host's own pose nodes make of our poses."""

import numpy as np
import pytest
import torch
from attention_keypoints.demo.world import demo_pictures
from attention_keypoints.keypoints.joint_map import usual_joints
from attention_keypoints.keypoints.pose import add_people, to_pose
from attention_keypoints.keypoints.pose_frames import PARTS
from attention_keypoints.keypoints.pose_image import draw_pose
from attention_keypoints.nodes.pose import KeypointsFromPose, KeypointsToPose
from comfy_extras.nodes_sdpose import SDPoseDrawKeypoints, SDPoseFaceBBoxes


def host_drawing(frames, stick_width=4):
    options = {"draw_body": True, "draw_hands": True, "draw_face": True, "draw_feet": False, "draw_head": True}
    drawn = SDPoseDrawKeypoints.execute(
        frames, stick_width=stick_width, face_point_size=3, score_threshold=0.3, **options
    )
    return drawn.result[0].numpy()


def of_one_colour(picture, reach):
    """[H, W] bool, True where a picture is of one colour up to `reach` pixels to each side."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    same = np.ones((height, width), dtype=bool)
    for y in range(2 * reach + 1):
        for x in range(2 * reach + 1):
            same &= (padded[y : y + height, x : x + width] == picture).all(axis=-1)
    return same


def two_figures(width, height):
    """Two frames with two figures each."""
    _, ours, _ = demo_pictures(0, 2)
    _, others, _ = demo_pictures(2, 2)
    joint_of = usual_joints(ours.names)
    frames = to_pose(ours, joint_of, width, height, hidden=True)
    return add_people(frames, to_pose(others, joint_of, width, height, hidden=True))


def with_hands_and_face(frames):
    """The same with points of hands and face, near where they were, in the first person of the first frame."""
    person, side = frames[0]["people"][0], np.random.default_rng(0)
    for part, (x, y) in {
        "hand_left_keypoints_2d": (400, 400), "hand_right_keypoints_2d": (100, 400), "face_keypoints_2d": (250, 60),
    }.items():  # fmt: skip
        points = side.integers(-50, 50, (PARTS[part], 2)) + (x + 0.5, y + 0.5)
        person[part] = np.hstack([points, np.ones((len(points), 1))]).ravel().tolist()
    return frames


def unlike(ours, host, where):
    """Share of the drawn pixels that differ although they are at no edge: for 2 pixels around, the host has one colour.

    The host rounds the middle and the length of a limb to pixels and its angle to degrees, and we do not.
    """
    differ = (np.abs(ours - host).max(axis=-1) > 0.02) & of_one_colour(host, 2) & where
    return differ.sum() / (host.max(axis=-1) > 0).sum()


@pytest.mark.parametrize("size", [(512, 512), (256, 256), (640, 427)])
def test_our_control_image_is_the_hosts_drawing_but_for_its_edges(size):
    frames = two_figures(*size)
    for ours, host in zip(draw_pose(frames, line_width=9).numpy(), host_drawing(frames), strict=True):
        assert unlike(ours, host, True) < 0.005
        assert ours.sum() == pytest.approx(host.sum(), rel=0.02) and host.mean() > 0.01


@pytest.mark.parametrize("stick_width", [2, 8])
def test_limbs_of_any_width_are_the_hosts(stick_width):
    # Its joints do not grow with its limbs, so these are compared where there is no joint.
    frames = two_figures(512, 512)
    ours, host = draw_pose(frames, line_width=2 * stick_width + 1).numpy(), host_drawing(frames, stick_width)
    y, x = np.mgrid[:512, :512] + 0.5
    for b, frame in enumerate(frames):
        limbs = np.ones((512, 512), dtype=bool)
        for person in frame["people"]:
            for joint_x, joint_y, _ in np.array(person["pose_keypoints_2d"]).reshape(-1, 3):
                limbs &= np.hypot(x - joint_x, y - joint_y) > stick_width + 5
        assert unlike(ours[b], host[b], limbs) < 0.005
        assert ours[b][limbs].sum() == pytest.approx(host[b][limbs].sum(), rel=0.05)


def test_hands_and_faces_of_other_frames_are_drawn_as_the_host_draws_them():
    frames = with_hands_and_face(two_figures(512, 512))
    ours, host = draw_pose(frames)[0].numpy(), host_drawing(frames)[0]
    assert unlike(ours, host, True) < 0.005
    for y, x in ((slice(340, 460), slice(340, 460)), (slice(0, 120), slice(190, 310))):  # a hand, the face
        assert ours[y, x].sum() == pytest.approx(host[y, x].sum(), rel=0.1)
        assert np.corrcoef(ours[y, x].ravel(), host[y, x].ravel())[0, 1] > 0.9


def test_the_face_node_of_the_host_finds_no_face_where_none_is_known_and_the_face_that_is():
    frames = two_figures(512, 512)
    assert SDPoseFaceBBoxes.execute(frames, 1.5, True).result[0] == [[], []]
    (box,) = SDPoseFaceBBoxes.execute(with_hands_and_face(frames), 1.5, True).result[0][0]
    assert box["x"] < 250 < box["x"] + box["width"] and box["y"] < 60 < box["y"] + box["height"]


def test_the_hosts_nodes_accept_a_picture_without_people():
    _, keypoints, _ = demo_pictures(0, 2)
    frames = to_pose(keypoints, usual_joints(keypoints.names), 64, 64, min_score=2.0)
    assert host_drawing(frames).shape == (2, 64, 64, 3) and host_drawing(frames).max() == 0
    assert SDPoseFaceBBoxes.execute(frames, 1.5, True).result[0] == [[], []]


def test_there_and_back_through_both_nodes_are_the_same_points():
    image, keypoints, _ = demo_pictures(3, 3)
    frames, control, joints = KeypointsToPose.execute(keypoints, "", 512, 512, image=image, hidden=True).result
    assert control.shape == image.shape and frames[0]["canvas_width"] == 256
    assert joints.splitlines()[0] == "head = nose"
    (back,) = KeypointsFromPose.execute(frames, 0, image=image).result
    order = [back.names.index(line.split(" = ")[1]) for line in joints.splitlines()]
    assert ((back.xy[:, order] - keypoints.xy).abs() * 256).max() < 0.01
    assert torch.isnan(back.xy[:, [k for k in range(18) if k not in order]]).all()


def test_without_a_picture_width_and_height_say_the_size_and_other_people_come_along():
    _, keypoints, _ = demo_pictures(0, 2)
    pose, alone, _ = KeypointsToPose.execute(keypoints, "", 96, 64).result
    assert alone.shape == (2, 64, 96, 3)
    _, both, _ = KeypointsToPose.execute(keypoints, "head =\nneck =", 96, 64, pose=pose).result
    assert both.shape == alone.shape
    (again,) = KeypointsFromPose.execute(add_people(pose, pose), 1).result
    assert again.labelled.any(dim=1).all()
