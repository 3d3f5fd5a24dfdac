"""3DPW sequences: keypoints/threedpw.py."""

import numpy as np
import pytest
from attention_keypoints.keypoints.pixel_labels import to_keypoints
from attention_keypoints.keypoints.skeletons import OPENPOSE_18
from attention_keypoints.keypoints.threedpw import BODY_MODEL, DETECTED, is_threedpw, read_threedpw

FRAMES = 4


def sequence(**changes):
    """Two people in four frames, 400 x 800 pixels: detected joint k of person p at (10 p + k, 2 k + frame)."""
    poses = np.zeros((2, FRAMES, 3, 18))
    poses[:, :, 0] = 10 * np.arange(2)[:, None, None] + np.arange(18)
    poses[:, :, 1] = 2 * np.arange(18) + np.arange(FRAMES)[:, None]
    poses[:, :, 2] = 0.75
    joints = np.zeros((FRAMES, 24, 3))
    joints[..., 0] = np.arange(24) / 10
    camera = np.eye(4)
    camera[2, 3] = 10
    content = {
        "sequence": np.array("courtyard_00"),
        "genders": ["m", "f"],
        "img_frame_ids": np.arange(FRAMES, dtype=np.uint16) * 2,
        "poses2d": list(poses),
        "jointPositions": [joints.reshape(FRAMES, 72)] * 2,
        "cam_poses": np.stack([camera] * FRAMES),
        "campose_valid": [np.ones(FRAMES, dtype=np.uint8)] * 2,
        "cam_intrinsics": np.array([[1000.0, 0, 200], [0, 2000, 400], [0, 0, 1]]),
        "texture_maps": [],
    } | changes
    return {key: value for key, value in content.items() if value is not None}


def read(content, person=0, joints=DETECTED, size=None):
    return to_keypoints(read_threedpw(content, person, joints), size)


def test_detected_joints_are_openposes_in_pixels_of_pictures_with_the_camera_at_their_centre():
    labels = read(sequence(), person=1)
    assert labels.names == OPENPOSE_18.names and labels.skeleton == OPENPOSE_18.limbs
    assert labels.xy[3, 4].tolist() == pytest.approx([14 / 400, 11 / 800])
    assert labels.score[3, 4] == 0.75 and labels.visible.all()


def test_joints_that_were_not_detected_are_not_labelled():
    content = sequence()
    content["poses2d"][0][1] = 0
    content["poses2d"][0][2, 2, 5] = 0
    content["poses2d"][0][2, 0, 6] = np.nan
    content["poses2d"][0][3, 0, 7] = 1e5
    labelled = read(content).labelled
    assert not labelled[1].any()
    assert (~labelled).nonzero().tolist()[18:] == [[2, 5], [2, 6], [3, 7]]


def test_lists_do_as_well_as_arrays():
    content = sequence()
    as_lists = {key: np.asarray(content[key]).tolist() for key in ("poses2d", "cam_intrinsics")}
    assert read(as_lists).xy.tolist() == read(content).xy.tolist()


def test_without_intrinsics_the_pictures_give_the_size():
    content = sequence(cam_intrinsics=None)
    assert read(content, size=(100, 100)).xy[0, 4].tolist() == pytest.approx([0.04, 0.08])
    with pytest.raises(ValueError, match="connect the pictures"):
        read(content)


def test_joints_of_the_body_model_are_seen_through_the_camera():
    content = sequence()
    # A quarter turn about the line of sight: what is to the right in the world is below in the picture.
    content["cam_poses"][2, :3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    labels = read(content, joints=BODY_MODEL)
    k = labels.names.index("left_elbow")  # joint 18 of SMPL: 1.8 m from the middle, 10 m away
    assert labels.xy[0, k].tolist() == pytest.approx([(200 + 180) / 400, 0.5])
    assert labels.xy[2, k].tolist() == pytest.approx([0.5, (400 + 360) / 800])


def test_joints_of_the_body_model_have_openposes_names_first_and_then_their_own():
    labels = read(sequence(), joints=BODY_MODEL)
    assert labels.names[:13] == OPENPOSE_18.names[1:14]
    assert set(labels.names[13:]) == {
        "pelvis", "spine1", "spine2", "spine3", "left_foot", "right_foot", "left_collar", "right_collar", "head",
        "left_hand", "right_hand",
    }  # fmt: skip
    named = {(labels.names[i], labels.names[j]) for i, j in labels.skeleton}
    assert {("neck", "left_shoulder"), ("left_ankle", "left_foot"), ("neck", "head")} <= named


def test_frames_without_a_valid_camera_and_joints_behind_it_are_not_labelled():
    content = sequence()
    content["campose_valid"] = [np.array([1, 0, 1, 1], dtype=np.uint8)] * 2
    content["jointPositions"][0].reshape(FRAMES, 24, 3)[2, 0, 2] = -11
    labels = read(content, joints=BODY_MODEL)
    pelvis = labels.names.index("pelvis")
    assert not labels.labelled[1].any() and labels.labelled[3].any()
    assert labels.labelled[:, pelvis].tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("changes", "joints", "person", "message"),
    [
        ({}, DETECTED, 2, "shows 2 people, numbers 0 to 1; there is no person 2"),
        ({"poses2d": None}, DETECTED, 0, "has no 'poses2d'"),
        ({"jointPositions": None}, BODY_MODEL, 0, "has no 'jointPositions'"),
        ({"poses2d": []}, DETECTED, 0, "an array for each person"),
        ({"poses2d": 5}, DETECTED, 0, "an array for each person"),
        ({"poses2d": "text"}, DETECTED, 0, "an array for each person"),
        ({"poses2d": [np.zeros((4, 18, 3))]}, DETECTED, 0, "should be any x 3 x 18 numbers, but is 4 x 18 x 3"),
        ({"poses2d": [np.zeros((0, 3, 18))]}, DETECTED, 0, "but is 0 x 3 x 18"),
        ({"poses2d": [np.zeros(())]}, DETECTED, 0, "should be any x 3 x 18"),
        ({"poses2d": np.zeros(3)}, DETECTED, 0, "should be any x 3 x 18"),
        ({"poses2d": [[[1, 2], [3]]]}, DETECTED, 0, "should be numbers"),
        ({"poses2d": [{"x": 1}]}, DETECTED, 0, "should be numbers"),
        ({"poses2d": ["abc"]}, DETECTED, 0, "should be numbers"),
        ({"poses2d": [[2**63, 2**64, "a"]]}, DETECTED, 0, "should be numbers"),
        ({"cam_intrinsics": np.eye(4)}, DETECTED, 0, "'cam_intrinsics' should be 3 x 3 numbers, but is 4 x 4"),
        ({"cam_intrinsics": np.eye(3)}, DETECTED, 0, "the picture's centre"),
        ({"cam_intrinsics": np.full((3, 3), np.nan)}, DETECTED, 0, "the picture's centre"),
        ({"cam_intrinsics": None}, BODY_MODEL, 0, "'cam_intrinsics' should be numbers"),
        ({"cam_poses": None}, BODY_MODEL, 0, "'cam_poses' should be numbers"),
        ({"cam_poses": np.zeros((3, 4, 4))}, BODY_MODEL, 0, "should be 4 x 4 x 4 numbers, but is 3 x 4 x 4"),
        ({"campose_valid": None}, BODY_MODEL, 0, "'campose_valid' should hold an array for each person"),
        ({"campose_valid": [np.ones(4)]}, BODY_MODEL, 1, "'campose_valid' should hold an array for each person"),
        ({"campose_valid": [np.ones(5)] * 2}, BODY_MODEL, 0, "should be 4 numbers, but is 5"),
    ],
)
def test_what_is_not_3dpw_is_refused_in_words(changes, joints, person, message):
    with pytest.raises(ValueError, match=message):
        read(sequence(**changes), person, joints)


def test_3dpw_is_known_by_its_joints():
    assert is_threedpw({"poses2d": []}) and is_threedpw({"jointPositions": []})
    assert not is_threedpw({"poses": []}) and not is_threedpw(["poses2d"])
