"""OpenPose files: keypoints/openpose.py."""

import pytest
from attention_keypoints.keypoints.openpose import is_openpose, read_openpose
from attention_keypoints.keypoints.pixel_labels import to_keypoints
from attention_keypoints.keypoints.skeletons import OPENPOSE_18


def body(joints=18, part=1.0, **places):
    """Joint k at (10 + k, 20 + 2 k) times `part`, score 0.5, but for those given by number as j3=(x, y, score)."""
    points = [((10 + k) * part, (20 + 2 * k) * part, 0.5) for k in range(joints)]
    for name, place in places.items():
        points[int(name[1:])] = place
    return {"pose_keypoints_2d": [number for point in points for number in point]}


def frame(*people, **sides):
    return {"people": list(people), **sides}


CANVAS = {"canvas_width": 100, "canvas_height": 200}


def test_pixels_become_parts_of_the_canvas():
    labels = to_keypoints(read_openpose(frame(body(), **CANVAS), 0), None)
    assert labels.xy[0, 3].tolist() == pytest.approx([0.13, 0.13]) and labels.score[0, 3] == 0.5
    assert labels.names == OPENPOSE_18.names and labels.skeleton == OPENPOSE_18.limbs


def test_without_a_canvas_the_pictures_give_the_size():
    labels = read_openpose(frame(body()), 0)
    assert to_keypoints(labels, (200, 100)).xy[0, 0].tolist() == pytest.approx([0.05, 0.2])
    with pytest.raises(ValueError, match="does not say how large its pictures are; connect the pictures to 'image'"):
        to_keypoints(labels, None)


def test_the_canvas_goes_before_the_size_of_the_pictures():
    labels = to_keypoints(read_openpose(frame(body(), **CANVAS), 0), (999, 999))
    assert labels.xy[0, 0].tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("canvas", [CANVAS, {}])
def test_parts_of_width_and_height_stay_what_they_are(canvas):
    content = frame(body(part=0.01, j5=(1.02, 0.5, 1.0)), **canvas)
    labels = to_keypoints(read_openpose(content, 0), (300, 300))
    assert labels.xy[0, 3].tolist() == pytest.approx([0.13, 0.26])
    assert not labels.labelled[0, 5]  # a little outside


def test_a_score_of_0_is_not_labelled_and_none_is_above_1():
    labels = read_openpose(frame(body(j0=(30, 30, 0), j1=(30, 30, 1.07)), **CANVAS), 0)
    labels = to_keypoints(labels, None)
    assert labels.labelled[0, :2].tolist() == [False, True] and labels.score[0, :2].tolist() == [0, 1]


def test_frames_without_this_person_are_unlabelled():
    hands_only = {"pose_keypoints_2d": None, "hand_left_keypoints_2d": []}
    frames = [frame(body()), frame(), frame(hands_only), frame({"pose_keypoints_2d": []}), frame(body(), body())]
    labelled = to_keypoints(read_openpose(frames, 0), (100, 100)).labelled
    assert labelled.all(dim=1).tolist() == [True, False, False, False, True]
    assert to_keypoints(read_openpose(frames, 1), (100, 100)).labelled.any(dim=1).tolist() == [False] * 4 + [True]


def test_the_25_joints_of_body_25_come_in_the_order_of_the_18_with_the_feet_after_them():
    labels = read_openpose(frame(body(25)), 0)
    assert labels.names[:18] == OPENPOSE_18.names
    assert labels.names[18:] == (
        "mid_hip", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    )  # fmt: skip
    # In BODY_25 joint 8 is the middle of the hips, so the right hip is joint 9 and the left ear joint 18.
    x = {name: labels.xy[0, k, 0] - 10 for k, name in enumerate(labels.names)}
    assert (x["right_hip"], x["left_ankle"], x["left_ear"], x["mid_hip"], x["right_heel"]) == (9, 14, 18, 8, 24)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (frame({}), "no frame has a body of person 0"),
        ([frame(body()), 3], "a frame should be an object, but is a number"),
        (frame(body(17)), "18 or 25 joints, the same in every frame; got 17"),
        ([frame(body(18)), frame(body(25))], "got 18, 25"),
        (frame({"pose_keypoints_2d": [1] * 53}), "triples of numbers, but there are 53 numbers"),
        (frame({"pose_keypoints_2d": "1 2 3"}), "should be a list, but is the text"),
        (frame({"pose_keypoints_2d": [[1, 2, 3]] * 18}), "should be a number, but is a list"),
        (frame({"pose_keypoints_2d": [True] * 54}), "should be a number, but is true or false"),
        (frame({"pose_keypoints_2d": [1e30] * 54}), "beyond that"),
        (frame([1] * 54), "a person should be an object, but is a list"),
        ({"people": {}}, "'people' should be a list, but is an object"),
        (frame(body(), canvas_width=100), "'canvas_height' should be a number, but is missing"),
        (frame(body(), canvas_width=0, canvas_height=9), "'canvas_width' should be a number from 1"),
    ],
)
def test_what_is_not_openpose_is_refused_in_words(content, message):
    with pytest.raises(ValueError, match=message):
        read_openpose(content, 0)


def test_openpose_is_known_by_its_people():
    assert is_openpose({"people": []}) and is_openpose([{"people": []}])
    assert not is_openpose([]) and not is_openpose({"images": []}) and not is_openpose([[1]])
