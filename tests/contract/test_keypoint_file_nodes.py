"""The nodes that save and load keypoints, with the host's own folders."""

import csv

import folder_paths
import pytest
import torch
from attention_keypoints.keypoints.keypoint_files import FORMATS
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.nodes.keypoint_files import LoadKeypoints, SaveKeypoints

IMAGE = torch.zeros(2, 30, 40, 3)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The host's input and output folders, empty."""
    for kind in ("input", "output"):
        (tmp_path / kind).mkdir()
        monkeypatch.setattr(folder_paths, f"{kind}_directory", str(tmp_path / kind))
    return tmp_path


@pytest.fixture
def keypoints():
    xy = torch.tensor([[[0.5, 0.25], [torch.nan] * 2], [[0.75, 1.0], [0.0, 0.5]]])
    return Keypoints(xy, [[0.5, 0], [1, 1]], [[True, False], [False, True]], ("nose", "neck"), [(1, 0)])


def offered():
    return LoadKeypoints.INPUT_TYPES()["required"]["file"][1]["options"]


def save(keypoints, form="COCO", prefix="keypoints/points", image=IMAGE, **others):
    return SaveKeypoints.execute(keypoints, form, prefix, image=image, **others)


@pytest.mark.parametrize("form", list(FORMATS))
def test_saved_keypoints_are_offered_and_loaded_again(folders, keypoints, form):
    saved = save(keypoints, form)
    file = f"keypoints/points_00001_{FORMATS[form]}"
    assert saved.result == (file,) and saved.ui.as_dict() == {"text": (f"Saved as {file}",)}
    assert offered() == [f"{file} [output]"]
    assert LoadKeypoints.validate_inputs(offered()[0]) is True
    loaded = LoadKeypoints.execute(offered()[0], image=IMAGE).result[0]
    k = [loaded.names.index(name) for name in keypoints.names] if "nose" in loaded.names else [0, 1]
    assert torch.allclose(loaded.xy[:, k], keypoints.xy, atol=1e-4, equal_nan=True)


def test_no_saved_file_or_folder_is_replaced(folders, keypoints):
    for form in ("COCO", "OpenPose folder", "CSV", "OpenPose folder", "COCO"):
        save(keypoints, form)
    names = ["00001_.json", "00002_", "00003_.csv", "00004_", "00005_.json"]
    assert sorted(path.name for path in (folders / "output" / "keypoints").iterdir()) == [f"points_{n}" for n in names]


def test_a_file_is_brought_into_another_format_by_its_own_size_and_names(folders, keypoints):
    save(keypoints, "COCO", image=None, width=4000, height=3000, pictures="b.png\n\na.png \n")
    loaded, pictures, width, height = LoadKeypoints.execute(offered()[0]).result
    assert (pictures, width, height) == ("b.png\na.png", 4000, 3000)
    save(loaded, "CSV", image=None, width=width, height=height, pictures=pictures)
    with (folders / "output/keypoints/points_00002_.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file_name"] for row in rows] == ["b.png", "b.png", "a.png", "a.png"]
    assert (rows[0]["x"], rows[0]["y"], rows[1]["x"], rows[2]["visible"]) == ("2000.0", "750.0", "", "0")


def test_files_of_others_in_the_input_folder_are_offered_and_other_files_are_not(folders):
    for name in ("poses.json", "points.csv", "labels.pkl", "picture.png"):
        (folders / "input" / name).write_bytes(b"")
    (folders / "input" / "frames").mkdir()
    (folders / "input" / "frames" / "0.json").write_bytes(b"{}")
    (folders / "input" / "pictures").mkdir()
    assert sorted(offered()) == ["frames", "points.csv", "poses.json"]


def test_the_size_is_asked_for_where_nothing_says_it(folders, keypoints):
    with pytest.raises(ValueError, match="connect the pictures to 'image', or fill in both width and height"):
        save(keypoints, image=None)
    with pytest.raises(ValueError, match="fill in both"):
        save(keypoints, width=640)
    with pytest.raises(ValueError, match="keypoints of 2 pictures, but 3 pictures came"):
        save(keypoints, image=torch.zeros(3, 30, 40, 3))
    save(keypoints, image=IMAGE[:1])


@pytest.mark.parametrize("prefix", ["", "  ", "keypoints/"])
def test_a_prefix_without_a_name_is_refused(folders, keypoints, prefix):
    with pytest.raises(ValueError, match="Expected a folder and a name"):
        save(keypoints, prefix=prefix)


def test_nothing_is_saved_or_loaded_outside_the_hosts_folders(folders, keypoints):
    with pytest.raises(Exception, match="outside the output folder"):
        save(keypoints, prefix="../points")
    (folders / "points.json").write_text("{}")
    assert "There is no" in LoadKeypoints.validate_inputs("../points.json [output]")
    with pytest.raises(ValueError, match="Invalid file path"):
        LoadKeypoints.execute("../points.json")


def test_a_changed_file_has_another_fingerprint_and_an_unchanged_one_the_same(folders, keypoints):
    save(keypoints, "OpenPose folder")
    file = offered()[0]
    before = LoadKeypoints.fingerprint_inputs(file, person=0)
    assert LoadKeypoints.fingerprint_inputs(file, person=0) == before
    next((folders / "output/keypoints/points_00001_").iterdir()).write_bytes(b"{}")
    assert LoadKeypoints.fingerprint_inputs(file, person=0) != before


def test_a_file_that_is_gone_is_named_with_the_folder_where_it_should_be(folders):
    assert LoadKeypoints.validate_inputs("gone.json [output]").startswith(
        'There is no "gone.json" in ComfyUI\'s output'
    )
    assert LoadKeypoints.validate_inputs("gone.json").startswith('There is no "gone.json" in ComfyUI\'s input')
