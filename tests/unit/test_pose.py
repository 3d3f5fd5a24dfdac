"""Keypoints to POSE_KEYPOINT frames and back: keypoints/pose.py and pose_frames.py."""

import json

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints.joint_map import usual_joints
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.pose import add_people, from_pose, to_pose
from attention_keypoints.keypoints.pose_frames import PARTS
from attention_keypoints.keypoints.skeletons import FIGURE_14, OPENPOSE_18

BODY = "pose_keypoints_2d"


def random_keypoints(pictures=3, names=OPENPOSE_18.names, **parts) -> Keypoints:
    xy = torch.rand(pictures, len(names), 2, generator=torch.Generator().manual_seed(0))
    held = {"xy": xy, "score": torch.full(xy.shape[:2], 0.4), "visible": torch.ones(xy.shape[:2]), "names": names}
    return Keypoints(**{**held, **parts})


def pose_of(keypoints, width=640, height=427, **options):
    return to_pose(keypoints, usual_joints(keypoints.names), width, height, **options)


def body_of(frames, frame=0, person=0) -> np.ndarray:
    return np.array(frames[frame]["people"][person][BODY]).reshape(18, 3)


def frame(*bodies, width=100, height=200, **others):
    """A frame of people given by [18, 3] points."""
    people = [{BODY: np.asarray(body, dtype=float).ravel().tolist()} for body in bodies]
    return {"people": people, "canvas_width": width, "canvas_height": height, **others}


def points(x=30.0, y=80.0, score=1.0) -> np.ndarray:
    """[18, 3], joint k at (x + k, y + 2 k)."""
    k = np.arange(18)
    return np.stack([x + k, y + 2 * k, np.full(18, score)], axis=1)


@pytest.mark.parametrize("names", [OPENPOSE_18.names, FIGURE_14.names])
def test_a_round_trip_loses_no_point_and_hardly_any_place(names):
    xy = random_keypoints(names=names).xy
    xy[0, 3], xy[1] = torch.nan, torch.nan
    visible = torch.ones(xy.shape[:2], dtype=torch.bool)
    visible[2, 4] = False
    keypoints = random_keypoints(names=names, xy=xy, visible=visible)
    frames = json.loads(json.dumps(pose_of(keypoints)))
    back = from_pose(frames)
    columns = [OPENPOSE_18.names.index(joint) for joint in usual_joints(names).values()]
    order = [names.index(name) for name in usual_joints(names)]
    assert torch.equal(back.labelled[:, columns], keypoints.labelled[:, order])
    assert torch.equal(back.visible[:, columns], (keypoints.visible & keypoints.labelled)[:, order])
    lost = (back.xy[:, columns] - keypoints.xy[:, order]) * torch.tensor([640, 427])
    assert lost.nan_to_num().abs().max() < 0.01


def test_frames_hold_every_part_whole_in_plain_numbers():
    (one,) = pose_of(random_keypoints(1))
    assert one["canvas_width"] == 640 and type(one["canvas_width"]) is int and one["canvas_height"] == 427
    assert {part: len(numbers) for part, numbers in one["people"][0].items()} == {k: 3 * n for k, n in PARTS.items()}
    assert {type(number) for numbers in one["people"][0].values() for number in numbers} == {float}
    assert not any(any(numbers) for part, numbers in one["people"][0].items() if part != BODY)


def test_visible_points_have_score_1_hidden_ones_less_than_any_drawer_takes_and_missing_ones_0():
    xy = random_keypoints(1).xy
    xy[0, 2] = torch.nan
    keypoints = random_keypoints(1, xy=xy, visible=[[k != 3 for k in range(18)]])
    body = body_of(pose_of(keypoints))
    assert body[2].tolist() == [0, 0, 0] and 0 < body[3, 2] < 0.3
    assert set(np.delete(body[:, 2], [2, 3])) == {1}
    assert body_of(pose_of(keypoints, hidden=True))[3, 2] == 1


def test_points_below_the_least_score_are_left_out():
    score = torch.full((1, 18), 0.9)
    score[0, 5] = 0.2
    body = body_of(pose_of(random_keypoints(1, score=score), min_score=0.5))
    assert body[5].tolist() == [0, 0, 0] and (np.delete(body[:, 2], 5) == 1).all()


def test_a_missing_neck_is_halfway_between_the_shoulders_and_as_hidden_as_they_are():
    names = ("left_shoulder", "right_shoulder")
    xy = torch.tensor([[[0.2, 0.5], [0.4, 0.3]], [[0.2, 0.5], [torch.nan, torch.nan]], [[0.2, 0.5], [0.4, 0.3]]])
    frames = pose_of(random_keypoints(3, names, xy=xy, visible=[[True, True], [True, True], [True, False]]), 100, 200)
    assert body_of(frames, 0)[1].tolist() == pytest.approx([30, 80, 1])
    assert body_of(frames, 1)[1, 2] == 0
    assert 0 < body_of(frames, 2)[1, 2] < 0.3


def test_a_neck_that_is_given_stays_where_it_is():
    keypoints = random_keypoints(1)
    assert body_of(pose_of(keypoints, 100, 100))[1, :2] == pytest.approx(keypoints.xy[0, 1].numpy() * 100)


def test_a_picture_without_points_has_no_people_and_is_read_as_one_without_points():
    xy = random_keypoints(2).xy
    xy[1] = torch.nan
    frames = pose_of(random_keypoints(2, xy=xy))
    assert frames[1]["people"] == []
    assert from_pose(frames).labelled.all(dim=1).tolist() == [True, False]


def test_any_person_of_a_frame_can_be_read():
    frames = [frame(points(10), points(40)), frame(points(20))]
    assert from_pose(frames, 0).xy[:, 0, 0].tolist() == pytest.approx([0.1, 0.2])
    second = from_pose(frames, 1)
    assert second.xy[0, 0].tolist() == pytest.approx([0.4, 0.4]) and not second.labelled[1].any()


def test_people_are_added_before_our_own_and_brought_to_our_canvas():
    ours, theirs = pose_of(random_keypoints(2), 100, 200), [frame(points(), width=200, height=400)]
    together = add_people(ours, theirs)
    assert [len(one["people"]) for one in together] == [2, 2]
    assert body_of(together, 1, 0)[0].tolist() == [15, 40, 1]
    assert together[1]["people"][1] == ours[1]["people"][0]
    with pytest.raises(ValueError, match="3 frames of other people for 2 frames"):
        add_people(ours, theirs * 3)


def test_the_format_that_controlnet_aux_publishes_is_read():
    # As its encoder writes it: None for parts that were not looked for, 0, 0, 0 for joints not found, 1.0 for others.
    body = points()
    body[4] = 0
    person = {
        BODY: body.ravel().tolist(),
        "face_keypoints_2d": [1.0] * 3 * 68,
        "hand_left_keypoints_2d": None,
        "hand_right_keypoints_2d": None,
    }
    back = from_pose([{"people": [person], "canvas_height": 200, "canvas_width": 100}])
    assert back.labelled[0].tolist() == [k != 4 for k in range(18)]
    assert back.to_pixels(100, 200)[0, 5].tolist() == pytest.approx([35, 90])
    # And as the comment over its nodes has it: a list of triples.
    nested = [{"people": [{BODY: body.tolist()}], "canvas_height": 200, "canvas_width": 100}]
    assert torch.equal(from_pose(nested).xy.nan_to_num(), back.xy.nan_to_num())
    # Its older versions wrote parts of width and height.
    parts = [frame(body * (0.01, 0.005, 1))]
    assert torch.allclose(from_pose(parts).xy, back.xy, equal_nan=True)


def test_what_we_write_is_what_the_decoder_of_controlnet_aux_takes():
    """Its rules: flat lists, points below 1.0 dropped, coordinates that are all within 1 taken for parts."""
    keypoints = random_keypoints(1, visible=[[k != 7 for k in range(18)]])
    (one,) = pose_of(keypoints)
    for part, numbers in one["people"][0].items():
        assert len(numbers) % 3 == 0
        taken = [(x, y) for x, y, score in np.array(numbers).reshape(-1, 3) if score >= 1.0]
        if part == BODY:
            assert len(taken) == 17 and max(map(max, taken)) > 1
            assert np.allclose(taken, np.delete(keypoints.to_pixels(640, 427)[0].numpy(), 7, axis=0), atol=1e-3)
        else:
            assert taken == []


def test_low_scores_of_the_host_are_kept_and_hidden_as_its_drawer_hides_them():
    body = points(score=0.29)
    body[0, 2], body[1, 2], body[2] = 0.3, -0.5, (-1, -1, 0)
    back = from_pose([frame(body)])
    assert back.visible[0, 0] and not back.visible[0, 3] and back.score[0, 3] == pytest.approx(0.29)
    assert back.labelled[0, :4].tolist() == [True, False, False, True]


def test_points_that_are_no_numbers_are_missing():
    body = points()
    body[3, 0] = np.nan
    body[4, 2] = np.nan
    assert from_pose([frame(body)]).labelled[0, :6].tolist() == [True, True, True, False, False, True]


def test_points_a_little_outside_the_picture_are_kept():
    body = points()
    body[10] = (50, 230, 1)
    assert from_pose([frame(body)]).xy[0, 10].tolist() == pytest.approx([0.5, 1.15])


def test_frames_without_a_canvas_take_the_size_of_the_pictures():
    bare = {"people": frame(points())["people"]}
    assert from_pose([bare], size=(100, 200)).xy[0, 0].tolist() == pytest.approx([0.3, 0.4])
    with pytest.raises(ValueError, match="does not say how large its picture is; connect the pictures"):
        from_pose([bare])


def test_pictures_may_be_another_size_than_the_canvas_but_not_of_other_proportions():
    back = from_pose([frame(points(), width=341, height=512)], size=(1024, 1536), count=1)
    assert back.xy[0, 0].tolist() == pytest.approx([30 / 341, 80 / 512])
    with pytest.raises(ValueError, match="canvas of frame 0 is 384 x 512 pixels, the picture 1024 x 1536"):
        from_pose([frame(points(), width=384, height=512)], size=(1024, 1536))


def test_ten_thousand_people_frames_and_keypoints_are_read_and_written():
    assert from_pose(frame(*[points()] * 9_999, points(50)), 9_999).xy[0, 0, 0] == pytest.approx(0.5)
    assert len(from_pose([frame(points())] * 10_000).xy) == 10_000
    names = tuple(f"point {k}" for k in range(10_000))
    (one,) = to_pose(random_keypoints(1, names), {"point 9999": "nose"}, 100, 100)
    assert body_of([one])[:, 2].tolist() == [1] + [0] * 17


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "has no frames"),
        (None, "should be a list, but is missing"),
        ([3], "a frame should be an object"),
        ([{"animals": [], "canvas_width": 9, "canvas_height": 9}], "it holds animals, and only people"),
        ([frame()], "no points of person 0, counted from 0: its 1 frames have at most 0 people"),
        ([frame(points(score=0))], "no points of person 0"),
        ([frame(points(), width=0)], "'canvas_width' should be a number from 1"),
        ([frame(points(), height=None)], "'canvas_height' should be a number, but is missing"),
        ([frame(points(), width="wide")], "should be a number, but is the text"),
        ([frame(points(), width=20, height=30)], "18 of 18 points lie outside their canvas, which is 20 x 30"),
        ([frame(np.ones((25, 3)))], "should have 18 points, x, y and score of each, but has 25"),
        ([frame(np.ones((10_000, 3)))], "has 10000"),
        ([{**frame(), "people": [{BODY: [1.0] * 53}]}], "triples of numbers, but there are 53"),
        ([{**frame(), "people": [{BODY: "1 2 3"}]}], "should be a list, but is the text"),
        ([{**frame(), "people": [[1, 2, 1]]}], "a person should be an object"),
        ([{**frame(), "people": {}}], "'people' should be a list"),
    ],
)
def test_what_is_no_pose_is_refused_in_words(frames, message):
    with pytest.raises(ValueError, match=message):
        from_pose(frames)


def test_another_number_of_pictures_than_frames_is_refused():
    with pytest.raises(ValueError, match="has 1 frames, but 3 pictures came"):
        from_pose([frame(points())], count=3)


@pytest.mark.parametrize("joint_of", [{"tail": "nose"}, {"nose": "tail"}])
def test_a_map_of_unknown_points_or_joints_is_refused(joint_of):
    with pytest.raises(ValueError, match="one of these keypoints and a joint of OpenPose-18"):
        to_pose(random_keypoints(1), joint_of, 10, 10)
