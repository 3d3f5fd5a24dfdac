"""Keypoints as files of other programs, and back: keypoints/keypoint_files.py and the writers it calls."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from attention_keypoints.keypoints import pixel_files
from attention_keypoints.keypoints.keypoint_files import (
    COCO,
    COCO_RESULTS,
    CSV,
    FORMATS,
    OPENPOSE,
    OPENPOSE_FOLDER,
    load_keypoints,
    save_keypoints,
)
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.label_files import read_label_file
from attention_keypoints.keypoints.skeletons import COCO_17, FIGURE_14, OPENPOSE_18
from pycocotools.coco import COCO as Dataset
from pycocotools.cocoeval import COCOeval

SIZE = (641, 479)
ANY_NAMES = (COCO, CSV)
ALL = [*FORMATS]


@pytest.fixture
def points():
    """Points of three pictures, some of them hidden, not labelled, without score, or a little outside."""

    def make(skeleton=OPENPOSE_18):
        generator = torch.Generator().manual_seed(3)
        shape = 3, len(skeleton.names)
        xy, score = torch.rand(*shape, 2, generator=generator), torch.rand(shape, generator=generator)
        visible = torch.rand(shape, generator=generator) > 0.3
        xy[0, 2], xy[1, :3], xy[0, 4] = torch.nan, torch.nan, torch.tensor([-0.01, 1.01])
        xy[0, 0], xy[0, 1] = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])
        score[0, :2], visible[0, :2] = torch.tensor([0.0, 1.0]), torch.tensor([False, True])
        missing = xy.isnan().any(dim=-1)
        return Keypoints(xy, score * ~missing, visible & ~missing, skeleton.names, skeleton.limbs)

    return make


def saved(folder, keypoints, form, sizes=SIZE, pictures=()):
    path = folder / f"points{FORMATS[form]}"
    save_keypoints(path, keypoints, sizes, form, pictures)
    return path


def distance(one, other, size=SIZE):
    """The largest in pixels; infinite where only one of them has a point."""
    if not torch.equal(one.labelled, other.labelled):
        return np.inf
    return ((one.xy - other.xy) * torch.tensor(size)).nan_to_num().abs().max().item()


@pytest.mark.parametrize("form", ALL)
def test_a_round_trip_loses_no_point_and_no_half_pixel(tmp_path, points, form):
    before = points()
    after = load_keypoints(saved(tmp_path, before, form), size=SIZE).keypoints
    assert distance(before, after) < 0.01
    assert (before.score - after.score).abs().max() <= 0.00101


@pytest.mark.parametrize("form", ANY_NAMES)
@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, FIGURE_14])
def test_names_and_what_is_hidden_come_back_as_they_were(tmp_path, points, form, skeleton):
    before = points(skeleton)
    after = load_keypoints(saved(tmp_path, before, form)).keypoints
    assert after.names == before.names and torch.equal(after.visible, before.visible)
    assert after.skeleton == (before.skeleton if form == COCO else ())


@pytest.mark.parametrize("form", ANY_NAMES)
def test_file_names_and_sizes_of_each_picture_come_back_in_their_order(tmp_path, points, form):
    names, sizes = ("b.png", 'day 1, "a".png', "ä.png"), [(640, 480), (100, 2000), (333, 200)]
    after = load_keypoints(saved(tmp_path, points(), form, sizes, names))
    assert after.pictures == names and after.sizes.tolist() == [list(size) for size in sizes]
    assert distance(points(), after.keypoints) < 0.01


@pytest.mark.parametrize("form", ANY_NAMES)
def test_any_names_of_keypoints_come_back(tmp_path, form):
    names = ("a,b", 'say "c"', "two\nlines", " spaces ", "élan", "=1+1")
    before = Keypoints(torch.rand(1, 6, 2), torch.ones(1, 6), torch.ones(1, 6), names)
    assert load_keypoints(saved(tmp_path, before, form)).keypoints.names == names


def test_pixels_are_counted_from_the_left_upper_corner_of_a_picture(tmp_path):
    before = Keypoints(torch.tensor([[[0.25, 0.5]]]), torch.ones(1, 1), torch.ones(1, 1), ("nose",))
    for form in ALL:
        path = saved(tmp_path, before, form, (400, 100))
        text = "".join(file.read_text() for file in ([path] if path.is_file() else path.iterdir()))
        assert "100.0,50.0," in text, form


def test_points_that_all_lie_in_the_first_pixels_are_not_taken_for_parts(tmp_path):
    before = Keypoints(torch.full((1, 1, 2), 0.002), torch.ones(1, 1), torch.ones(1, 1), ("nose",))
    for form in (OPENPOSE, OPENPOSE_FOLDER):
        after = load_keypoints(saved(tmp_path, before, form)).keypoints
        assert after.xy[0, 0].tolist() == pytest.approx([0.002, 0.002], abs=1e-5)


@pytest.mark.parametrize("form", ALL)
def test_keypoints_without_any_point_come_back_without_any(tmp_path, form):
    nothing = Keypoints(torch.full((2, 18, 2), torch.nan), torch.zeros(2, 18), torch.zeros(2, 18), OPENPOSE_18.names)
    path = saved(tmp_path, nothing, form)
    assert load_keypoints(path, size=SIZE).keypoints.labelled.tolist() == [[False] * 18] * 2
    with pytest.raises(ValueError, match="no labelled joint in any of the chosen pictures"):
        read_label_file(path, size=SIZE)


@pytest.mark.parametrize("form", ALL)
def test_ten_thousand_points_of_one_picture_come_back_or_have_no_place(tmp_path, form):
    names = tuple(f"p{number}" for number in range(10_000))
    shape = 1, len(names)
    before = Keypoints(torch.rand(*shape, 2), torch.ones(shape), torch.ones(shape), names, [(0, 9_999)])
    if form in (OPENPOSE, OPENPOSE_FOLDER):
        with pytest.raises(ValueError, match=r"one place for each of its own joints only, .*: p0, p1,"):
            saved(tmp_path, before, form)
    else:
        assert distance(before, load_keypoints(saved(tmp_path, before, form), size=SIZE).keypoints) < 0.01


@pytest.mark.parametrize("form", ALL)
def test_ten_thousand_points_in_many_pictures_come_back(tmp_path, form):
    shape = 556, 18
    before = Keypoints(torch.rand(*shape, 2), torch.ones(shape), torch.ones(shape), OPENPOSE_18.names)
    assert distance(before, load_keypoints(saved(tmp_path, before, form), size=SIZE).keypoints) < 0.01


# -- COCO, with pycocotools


@pytest.fixture
def quiet():
    """pycocotools prints at every step."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def test_pycocotools_loads_the_dataset(tmp_path, points, quiet):
    data = Dataset(saved(tmp_path, points(COCO_17), COCO, pictures=("12.jpg", "7.jpg", "9.jpg")))
    assert data.getImgIds() == [12, 7, 9] and data.loadImgs(7)[0]["file_name"] == "7.jpg"
    assert data.loadCats(data.getCatIds(catNms=["person"]))[0]["keypoints"] == list(COCO_17.names)
    people = data.loadAnns(data.getAnnIds(imgIds=[7]))
    assert len(people) == 1 and people[0]["num_keypoints"] == 14 and people[0]["area"] > 0
    assert people[0]["keypoints"][:9] == [0] * 9 and set(people[0]["keypoints"][2::3]) == {0, 1, 2}


def test_pycocotools_scores_results_against_the_dataset(tmp_path, points, quiet):
    before = points(COCO_17)
    data = Dataset(saved(tmp_path / "truth", before, COCO))
    found = data.loadRes(str(saved(tmp_path / "found", before, COCO_RESULTS)))
    scored = COCOeval(data, found, "keypoints")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] == pytest.approx(1)  # average precision: every point is where it should be


def test_results_of_another_place_score_less(tmp_path, points, quiet):
    before = points(COCO_17)
    data = Dataset(saved(tmp_path / "truth", before, COCO))
    moved = Keypoints(before.xy.flip(1), before.score, before.labelled.flip(1), before.names)
    found = data.loadRes(str(saved(tmp_path / "found", moved, COCO_RESULTS)))
    scored = COCOeval(data, found, "keypoints")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] < 0.2


def test_results_of_17_keypoints_are_cocos_joints_and_others_are_numbered(tmp_path, points):
    assert load_keypoints(saved(tmp_path, points(COCO_17), COCO_RESULTS), size=SIZE).keypoints.names == COCO_17.names
    numbered = load_keypoints(saved(tmp_path, points(FIGURE_14), COCO_RESULTS), size=SIZE).keypoints.names
    assert numbered[0] == "point_1" and len(numbered) == 14


def test_the_best_result_of_a_picture_is_its_first_person(tmp_path):
    path = tmp_path / "found.json"
    results = [{"image_id": 5, "score": score, "keypoints": [score * 100, 0, 1]} for score in (0.2, 0.9, 0.5)]
    path.write_text(json.dumps(results))
    assert load_keypoints(path, size=(100, 100)).keypoints.xy[0, 0, 0] == pytest.approx(0.9)
    assert load_keypoints(path, size=(100, 100), person=2).keypoints.xy[0, 0, 0] == pytest.approx(0.2)
    with pytest.raises(ValueError, match="no picture has a person number 3"):
        load_keypoints(path, size=(100, 100), person=3)


# -- OpenPose, as its output format is published


def test_a_folder_has_a_file_for_each_picture_as_openpose_writes_it(tmp_path, points):
    before = points()
    folder = saved(tmp_path, before, OPENPOSE_FOLDER)
    assert sorted(path.name for path in folder.iterdir()) == [f"{number:012}_keypoints.json" for number in range(3)]
    frame = json.loads((folder / "000000000000_keypoints.json").read_text())
    assert frame["version"] == 1.3 and (frame["canvas_width"], frame["canvas_height"]) == SIZE
    (person,) = frame["people"]
    assert person["person_id"] == [-1] and person["face_keypoints_2d"] == person["hand_left_keypoints_3d"] == []
    triples = np.reshape(person["pose_keypoints_2d"], (18, 3))
    assert triples[2].tolist() == [0, 0, 0]  # not labelled
    assert triples[3] == pytest.approx([*(before.xy[0, 3].numpy() * SIZE), before.score[0, 3].item()], abs=0.001)


def test_the_files_of_a_folder_are_named_after_the_pictures(tmp_path, points):
    folder = saved(tmp_path, points(), OPENPOSE_FOLDER, pictures=("day/a.png", "b.png", "c.d.png"))
    assert sorted(path.stem for path in folder.iterdir()) == ["a_keypoints", "b_keypoints", "c.d_keypoints"]


@pytest.mark.parametrize("pictures", [("b.png", "a.png", "c.png"), ("a.png", "a.jpg", "c.png")])
def test_a_folder_whose_files_would_come_back_in_another_order_is_refused(tmp_path, points, pictures):
    with pytest.raises(ValueError, match="read in the order of their names"):
        saved(tmp_path, points(), OPENPOSE_FOLDER, pictures=pictures)


def test_what_figures_show_takes_the_places_of_openposes_joints(tmp_path, points):
    before = points(FIGURE_14)
    after = load_keypoints(saved(tmp_path, before, OPENPOSE)).keypoints
    assert after.names == OPENPOSE_18.names and after.labelled.sum() == before.labelled.sum()
    head, nose = before.xy[2, before.names.index("head")], after.xy[2, after.names.index("nose")]
    assert nose.tolist() == pytest.approx(head.tolist(), abs=1e-4)


def test_feet_take_the_further_places_of_the_25(tmp_path):
    names = ("left_heel", "nose", "mid_hip")
    before = Keypoints(torch.rand(1, 3, 2), torch.ones(1, 3), torch.ones(1, 3), names)
    after = load_keypoints(saved(tmp_path, before, OPENPOSE)).keypoints
    assert len(after.names) == 25 and after.labelled.sum() == 3
    for k, name in enumerate(names):
        assert torch.allclose(after.xy[0, after.names.index(name)], before.xy[0, k], atol=1e-4)


def test_keypoints_that_openpose_does_not_know_are_refused_and_nothing_is_written(tmp_path):
    before = Keypoints(torch.rand(1, 2, 2), torch.ones(1, 2), torch.ones(1, 2), ("nose", "tail"))
    with pytest.raises(ValueError, match=r"^These keypoints cannot be saved as points\.json: .*: tail\. Choose COCO"):
        saved(tmp_path, before, OPENPOSE)
    assert list(tmp_path.iterdir()) == []


# -- writing


def test_a_folder_is_never_replaced_and_leaves_no_other_behind(tmp_path, points):
    folder = saved(tmp_path, points(), OPENPOSE_FOLDER)
    with pytest.raises(OSError, match="already"):
        saved(tmp_path, points(), OPENPOSE_FOLDER)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("sizes", "pictures", "message"),
    [
        ((0, 480), (), "a width and a height from 1"),
        ((640, float("nan")), (), "a width and a height from 1"),
        ([(640, 480)] * 2, (), "one for each of 3"),
        (SIZE, ("a.png", "b.png"), "3 different file names are needed, or none; got 2"),
        (SIZE, ("a.png", "b.png", "a.png"), "got 3, of which 2 differ"),
    ],
)
def test_sizes_and_names_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path, points, sizes, pictures, message
):
    with pytest.raises(ValueError, match=message):
        saved(tmp_path, points(), COCO, sizes, pictures)
    assert list(tmp_path.iterdir()) == []


def test_what_no_reader_would_take_is_not_written(tmp_path, points, monkeypatch):
    with pytest.raises(ValueError, match="outside their pictures"):
        saved(tmp_path, Keypoints(torch.full((1, 1, 2), 7.0), torch.ones(1, 1), torch.ones(1, 1), ("a",)), COCO)
    monkeypatch.setattr(pixel_files, "MOST_JSON_BYTES", 100)
    for form in (COCO, COCO_RESULTS, OPENPOSE, OPENPOSE_FOLDER):
        with pytest.raises(ValueError, match="more than 0 MiB of JSON"):
            saved(tmp_path, points(), form)
    assert list(tmp_path.iterdir()) == []


# -- reading


@pytest.mark.parametrize("form", [COCO, COCO_RESULTS, OPENPOSE, CSV])
def test_every_cut_of_a_file_is_refused_or_has_fewer_points(tmp_path, form):
    before = Keypoints(torch.rand(2, 1, 2), torch.ones(2, 1), torch.ones(2, 1), ("nose",))
    path = saved(tmp_path, before, form)
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 5):
        path.write_bytes(data[:length])
        try:
            read = load_keypoints(path, size=SIZE).keypoints
        except ValueError as problem:
            assert str(problem).startswith(f"The keypoints in {path.name} cannot be read: ")
        else:
            assert form == CSV and len(read.xy) <= 2  # lines of text do not say how many there should be


def test_pictures_of_another_number_or_shape_are_refused_and_scaled_ones_fit(tmp_path, points):
    path = saved(tmp_path, points(), COCO, (640, 480))
    assert distance(load_keypoints(path, size=(320, 240), count=3).keypoints, points()) < 0.01
    with pytest.raises(ValueError, match="keypoints of 3 pictures, but 2 pictures came"):
        load_keypoints(path, size=(320, 240), count=2)
    with pytest.raises(ValueError, match=r"640 x 480 pixels, those that came are 512 x 512, which is another shape"):
        load_keypoints(path, size=(512, 512))


@pytest.mark.parametrize("canvas", [(20, 10), (0, 480), (-5, 480), ("640", 480), (1e9, 480)])
def test_a_canvas_that_cannot_be_right_is_refused(tmp_path, points, canvas):
    path = saved(tmp_path, points(), OPENPOSE)
    frames = json.loads(path.read_text())
    path.write_text(json.dumps([frame | dict(zip(("canvas_width", "canvas_height"), canvas)) for frame in frames]))  # noqa: B905
    with pytest.raises(ValueError, match="'canvas_width' should be a number|points are outside their pictures"):
        load_keypoints(path)


def test_without_a_size_in_the_file_pictures_are_asked_for(tmp_path, points):
    with pytest.raises(ValueError, match="does not say how large its pictures are; connect the pictures"):
        load_keypoints(saved(tmp_path, points(), COCO_RESULTS))


def test_parts_of_width_and_height_have_a_size_only_where_the_file_or_the_pictures_say_it(tmp_path):
    path = tmp_path / "parts.json"
    frame = {"people": [{"pose_keypoints_2d": [0.5, 0.25, 1] * 18}]}
    for content, size, expected in (
        (frame, None, [np.nan, np.nan]),
        (frame, (64, 32), [64, 32]),
        (frame | {"canvas_width": 100, "canvas_height": 50}, None, [100, 50]),
    ):
        path.write_text(json.dumps(content))
        read = load_keypoints(path, size=size)
        assert read.keypoints.xy[0, 3].tolist() == pytest.approx([0.5, 0.25])
        assert read.sizes[0].tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"image_id": 1}], "a result's 'keypoints' should be a list, but is missing"),
        ([{"image_id": 1, "keypoints": []}], "1 pictures with 0 joints"),
        ([{"image_id": 1, "keypoints": [1, 2]}], "triples of numbers"),
        ([{"image_id": 1, "keypoints": [1, 2, 1]}, 3], "a result should be an object, but is a number"),
        ([{"image_id": 1, "keypoints": [1, 2, 1]}, {"keypoints": [1, 2, 1]}], "'image_id' should be"),
        ([{"image_id": n, "keypoints": [1, 2, 1] * n} for n in (1, 2)], "equally many keypoints, but have 1, 2"),
        ([{"image_id": 1, "keypoints": [1, 2, 1], "score": "high"}], "'score' should be a number"),
        ([{"image_id": 1, "keypoints": [1, 2, 1] * 10_001}], "too large, with 10001 joints"),
    ],
)
def test_what_is_not_coco_results_is_refused_in_words(tmp_path, content, message):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"^The keypoints in found\.json cannot be read: .*{message}"):
        load_keypoints(path, size=SIZE)


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1], "2 keypoints, but 1 'keypoint_scores'"), (["a", 1], "should be a number"), (3, "should be a list")],
)
def test_scores_beside_a_coco_annotation_are_checked(tmp_path, scores, message):
    path = tmp_path / "truth.json"
    person = {"image_id": 1, "category_id": 1, "keypoints": [1, 2, 2] * 2, "keypoint_scores": scores}
    kind = {"id": 1, "keypoints": ["a", "b"]}
    path.write_text(json.dumps({"images": [{"id": 1}], "annotations": [person], "categories": [kind]}))
    with pytest.raises(ValueError, match=message):
        load_keypoints(path, size=SIZE)


def test_labels_are_read_from_csv_and_results_too_with_a_neck_for_people(tmp_path, points):
    for form in (CSV, COCO_RESULTS):
        labels = read_label_file(saved(tmp_path, points(COCO_17), form), size=SIZE)
        assert labels.names == OPENPOSE_18.names and len(labels.xy) == 3
