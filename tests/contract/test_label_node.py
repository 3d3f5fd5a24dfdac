"""The node that loads labels from files, with the host's own input folder."""

import json
import os
import pickle

import folder_paths
import pytest
import torch
from attention_keypoints.keypoints.skeletons import OPENPOSE_18
from attention_keypoints.nodes.load_labels import LoadKeypointLabels

CHOICE = {"person": 0, "first": 0, "frames": 0, "step": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An input folder of the host."""
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    return tmp_path


@pytest.fixture
def poses(folder):
    """A file of three frames, without the size of its pictures: every joint of frame b at (20, 10 b)."""
    frames = [{"people": [{"pose_keypoints_2d": [20, 10 * b, 1] * 18}]} for b in range(3)]
    (folder / "poses.json").write_text(json.dumps(frames))
    return "poses.json"


def options():
    return LoadKeypointLabels.INPUT_TYPES()["required"]["file"][1]["options"]


def test_label_files_of_the_input_folder_are_offered(folder, poses):
    for name in ("sequence.pkl", "UPPER.JSON", "picture.png", "notes.txt"):
        (folder / name).write_bytes(b"other")
    (folder / "folder.json").mkdir()
    assert options() == ["UPPER.JSON", "poses.json", "sequence.pkl"]


def test_folders_with_a_file_for_each_picture_are_offered_and_read(folder, poses):
    for name in ("run/a.json", "run/b.json", "pictures/a.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((folder / poses).read_bytes())
    assert options() == ["poses.json", "run"]
    before = LoadKeypointLabels.fingerprint_inputs("run")
    image = torch.zeros(6, 50, 100, 3)
    assert len(LoadKeypointLabels.execute("run", **CHOICE, image=image).result[0].xy) == 6
    (folder / "run" / "b.json").rename(folder / "run" / "0.json")
    assert LoadKeypointLabels.fingerprint_inputs("run") != before


def test_pictures_give_the_labels_their_size(poses):
    image = torch.zeros(3, 50, 100, 3)
    keypoints = LoadKeypointLabels.execute(poses, **CHOICE, image=image).result[0]
    assert keypoints.names == OPENPOSE_18.names
    assert keypoints.xy[:, 0].flatten().tolist() == pytest.approx([0.2, 0, 0.2, 0.2, 0.2, 0.4])


def test_the_number_of_pictures_must_be_that_of_the_chosen_labels(poses):
    image = torch.zeros(2, 50, 100, 3)
    with pytest.raises(ValueError, match=r"poses\.json .*labels of 3 pictures, but 2 pictures came"):
        LoadKeypointLabels.execute(poses, **CHOICE, image=image)
    chosen = LoadKeypointLabels.execute(poses, **CHOICE | {"step": 2}, image=image).result[0]
    assert chosen.xy[:, 0, 1].tolist() == pytest.approx([0, 0.4])


def test_pictures_are_named_line_by_line(folder):
    content = {
        "images": [{"id": k, "file_name": f"{k}.png", "width": 10, "height": 10} for k in range(3)],
        "annotations": [{"image_id": k, "category_id": 0, "keypoints": [k, 0, 2]} for k in range(3)],
        "categories": [{"id": 0, "keypoints": ["beak"]}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    keypoints = LoadKeypointLabels.execute("coco.json", **CHOICE, pictures=" 2.png\n\n0.png\n").result[0]
    assert keypoints.xy[:, 0, 0].tolist() == pytest.approx([0.2, 0.0])


def test_the_same_content_is_the_same_and_a_changed_file_another(folder, poses):
    before = LoadKeypointLabels.fingerprint_inputs(poses, **CHOICE)
    content = (folder / poses).read_bytes()
    times = (folder / poses).stat()
    (folder / poses).write_bytes(content)
    assert LoadKeypointLabels.fingerprint_inputs(poses, **CHOICE) == before
    (folder / poses).write_bytes(content.replace(b"20", b"21", 1))
    os.utime(folder / poses, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert LoadKeypointLabels.fingerprint_inputs(poses, **CHOICE) != before


@pytest.mark.parametrize("name", ["gone.json", "../outside.json"])
def test_a_file_that_is_not_in_the_input_folder_is_said_before_anything_runs(folder, poses, name):
    (folder.parent / "outside.json").write_text("{}")
    assert LoadKeypointLabels.validate_inputs(poses) is True
    assert "no" in LoadKeypointLabels.validate_inputs(name) and name in LoadKeypointLabels.validate_inputs(name)


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_file_is_refused_and_nothing_of_it_is_executed(folder):
    (folder / "sequence.pkl").write_bytes(pickle.dumps({"poses2d": Harm(folder / "harmed")}))
    with pytest.raises(ValueError, match=r"The labels in sequence\.pkl cannot be read: it asks for"):
        LoadKeypointLabels.execute("sequence.pkl", **CHOICE)
    assert not (folder / "harmed").exists()
