"""Labels from files of others, whatever their format: keypoints/label_files.py."""

import json
import os
import pickle

import numpy as np
import pytest
from attention_keypoints.keypoints import pixel_files
from attention_keypoints.keypoints.label_files import read_label_file
from attention_keypoints.keypoints.skeletons import OPENPOSE_18


def frame(*scores, size=(200, 100), people=1):
    """An OpenPose frame whose joints all lie at (50, 20) in pixels, with these scores and then zeros."""
    scores = [*scores, *[0] * (18 - len(scores))]
    body = {"pose_keypoints_2d": [number for score in scores for number in (50, 20, score)]}
    return {"people": [body] * people, "canvas_width": size[0], "canvas_height": size[1]}


@pytest.fixture
def write(tmp_path):
    """Writes a file of that name: bytes as they are, .pkl pickled, everything else as JSON."""

    def write_file(name, content):
        path = tmp_path / name
        if not isinstance(content, bytes):
            content = pickle.dumps(content, 2) if name.endswith(".pkl") else json.dumps(content).encode()
        path.write_bytes(content)
        return path

    return write_file


def scores(keypoints):
    return [round(value, 3) for value in keypoints.score[:, 0].tolist()]


NUMBERED = [frame(number / 10) for number in range(1, 10)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ({"first": 7}, [0.8, 0.9]),
        ({"frames": 2}, [0.1, 0.2]),
        ({"first": 1, "step": 3}, [0.2, 0.5, 0.8]),
        ({"first": 1, "step": 3, "frames": 2}, [0.2, 0.5]),
        ({"step": 100}, [0.1]),
    ],
)
def test_first_frames_and_step_choose_pictures(write, choice, expected):
    assert scores(read_label_file(write("poses.json", NUMBERED), **choice)) == expected


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"first": 9}, "holds 9 pictures, numbers 0 to 8, so the first cannot be number 9"),
        ({"first": 5, "step": 2, "frames": 3}, "there are 2, not 3"),
        ({"step": 0}, "step below 1"),
        ({"first": -1}, "below 0"),
        ({"person": -1}, "counted from 0; got -1"),
        ({"count": 5}, "labels of 9 pictures, but 5 pictures came"),
        ({"pictures": ("a.png",)}, "does not name its pictures"),
    ],
)
def test_a_choice_that_the_file_cannot_give_is_refused_by_its_name(write, choice, message):
    with pytest.raises(ValueError, match=rf"^The labels in poses\.json cannot be read: .*{message}"):
        read_label_file(write("poses.json", NUMBERED), **choice)


def test_as_many_labels_as_pictures_are_accepted(write):
    assert len(read_label_file(write("poses.json", NUMBERED), frames=5, count=5).xy) == 5


def test_formats_are_told_apart_by_content_and_not_by_name(write):
    poses = np.zeros((1, 3, 18))
    poses[:, :, 0] = [[50, 20, 0.5]]
    sequence = {"poses2d": [poses], "cam_intrinsics": np.array([[9, 0, 100], [0, 9, 50], [0, 0, 1.0]])}
    coco = {
        "images": [{"id": 1, "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "keypoints": [50, 20, 2]}],
        "categories": [{"id": 1, "keypoints": ["nose"]}],
    }
    for path in (write("a.json", frame(0.5)), write("b.pkl", sequence), write("c.json", coco)):
        assert read_label_file(path).xy[0, 0].tolist() == pytest.approx([0.25, 0.2])
    assert read_label_file(write("json.pkl", json.dumps(coco).encode())).names == ("nose",)


def test_a_byte_order_mark_and_spaces_before_the_text_do_no_harm(write):
    text = b"\xef\xbb\xbf \n" + json.dumps(frame(0.5)).encode()
    assert scores(read_label_file(write("poses.json", text))) == [0.5]


def test_points_outside_their_picture_are_not_labelled(write):
    content = frame(1, 1, 1)
    content["people"][0]["pose_keypoints_2d"][:2] = [250, 20]
    labels = read_label_file(write("poses.json", content))
    assert labels.labelled[0, :4].tolist() == [False, True, True, False]
    assert labels.score[0, 0] == 0 and not labels.visible[0, 0]


def test_labels_of_pictures_of_another_size_are_refused(write):
    with pytest.raises(ValueError, match="2 of 2 labelled points are outside their pictures"):
        read_label_file(write("poses.json", frame(1, 1, size=(40, 100))))


def test_chosen_pictures_without_any_label_are_refused(write):
    content = [frame(), frame(0.5)]
    assert not read_label_file(write("poses.json", content)).labelled[0].any()
    with pytest.raises(ValueError, match="no labelled joint in any of the chosen pictures"):
        read_label_file(write("poses.json", content), frames=1)


def test_human_joints_bring_their_limbs(write):
    labels = read_label_file(write("poses.json", frame(0.5)))
    assert labels.names == OPENPOSE_18.names and labels.skeleton == OPENPOSE_18.limbs


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_sequence_file_is_refused_and_nothing_of_it_is_executed(write, tmp_path, protocol):
    harmed = tmp_path / "harmed"
    sequence = {"poses2d": [np.zeros((2, 3, 18))], "sequence": Harm(harmed)}
    path = write("sequence.pkl", pickle.dumps(sequence, protocol))
    with pytest.raises(ValueError, match=r"^The labels in sequence\.pkl cannot be read: it asks for .*mkdir"):
        read_label_file(path)
    assert not harmed.exists()


BODY = '{"people": [{"pose_keypoints_2d": [%s]}], "canvas_width": 9, "canvas_height": 9}'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"", "the file is empty"),
        ("a.pkl", b"", "the file is empty"),
        ("a.json", b" \n", "the file is empty"),
        ("a.json", b'{"people": [', "not valid JSON, or ends too soon"),
        ("a.json", b'{"people": []} more', "not valid JSON"),
        ("a.json", b"hello", "not valid JSON"),
        ("a.json", b"[" * 200_000, "nested too deep"),
        ("a.json", b'{"a":' * 200_000, "nested too deep"),
        ("a.json", (BODY % "NaN, 1, 1").encode(), "contains NaN"),
        ("a.json", (BODY % "-Infinity, 1, 1").encode(), "contains -Infinity"),
        ("a.json", (BODY % "1e999, 1, 1").encode(), "beyond that"),
        ("a.json", (BODY % ("1" * 400 + ", 1, 1")).encode(), "beyond that"),
        ("a.json", (BODY % ("1" * 9000 + ", 1, 1")).encode(), "not valid JSON|beyond that"),
        ("a.json", b'{"people": "\xff"}', "not text in UTF-8"),
        ("a.json", pickle.dumps({"poses2d": []}), "not text in UTF-8"),
        ("a.json", b'{"something": 1}', "neither COCO keypoints with 'annotations'"),
        ("a.json", b"[]", "neither COCO keypoints"),
        ("a.json", b"3", "neither COCO keypoints"),
        ("a.pkl", b"\x89PNG\r\n", "pickle of arrays"),
        ("a.pkl", pickle.dumps({"frames": 1}), "neither 'poses2d' nor 'jointPositions'"),
        ("a.pkl", pickle.dumps([1, 2]), "neither 'poses2d' nor 'jointPositions'"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name(write, name, content, message):
    with pytest.raises(ValueError, match=f"^The labels in {name} cannot be read: .*{message}"):
        read_label_file(write(name, content))


def test_every_cut_of_a_file_is_refused(write):
    data = json.dumps(frame(0.5)).encode()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="cannot be read"):
            read_label_file(write("poses.json", data[:length]))


def test_files_that_are_too_large_are_refused(write, monkeypatch):
    monkeypatch.setattr(pixel_files, "MOST_JSON_BYTES", 1000)
    with pytest.raises(ValueError, match="more than 0 MiB of JSON"):
        read_label_file(write("poses.json", NUMBERED))


def test_a_folder_of_openpose_files_is_a_frame_for_each_in_the_order_of_their_names(write, tmp_path):
    for name, score in (("b.json", 0.2), ("a.json", 0.1), ("c.JSON", 0.3)):
        write(name, frame(score))
    write("picture.png", b"no labels")
    assert scores(read_label_file(tmp_path)) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "in b.json, it is not valid JSON"), ({"annotations": []}, "in b.json, it has no 'people'")],
)
def test_a_bad_file_in_a_folder_is_named_too(write, tmp_path, content, message):
    write("a.json", frame(0.5))
    write("b.json", content)
    with pytest.raises(ValueError, match=f"^The labels in {tmp_path.name} cannot be read: {message}"):
        read_label_file(tmp_path)


def test_a_folder_without_labels_or_with_too_many_is_refused(write, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"the folder holds no \.json file"):
        read_label_file(tmp_path)
    size = write("a.json", frame(0.5)).stat().st_size
    write("b.json", frame(0.5))
    monkeypatch.setattr(pixel_files, "MOST_JSON_BYTES", 2 * size)
    assert len(read_label_file(tmp_path).xy) == 2
    write("c.json", frame(0.5))
    with pytest.raises(ValueError, match="more than 0 MiB of JSON"):
        read_label_file(tmp_path)


def test_a_file_that_is_gone_is_one_sentence_too(tmp_path):
    with pytest.raises(ValueError, match=r"The labels in gone\.json cannot be read"):
        read_label_file(tmp_path / "gone.json")
