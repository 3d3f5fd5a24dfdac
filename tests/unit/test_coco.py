"""COCO keypoint files: keypoints/coco.py."""

import copy
import math

import pytest
from attention_keypoints.keypoints.coco import is_coco, read_coco
from attention_keypoints.keypoints.joint_names import COCO_17, in_openpose_names
from attention_keypoints.keypoints.pixel_labels import by_file_name, named_pictures, to_keypoints
from attention_keypoints.keypoints.skeletons import OPENPOSE_18


def image(number, name=None, width=200, height=100):
    return {"id": number, "width": width, "height": height} | ({"file_name": name} if name else {})


def annotation(image_id, *points, area=None, **parts):
    number = {"image_id": image_id, "category_id": 1, "keypoints": [number for point in points for number in point]}
    return number | ({} if area is None else {"area": area}) | parts


def dataset(images, annotations, names=("beak", "tail"), skeleton=()):
    categories = [{"id": 1, "name": "bird", "keypoints": list(names), "skeleton": [list(limb) for limb in skeleton]}]
    return {"images": images, "annotations": annotations, "categories": categories}


def read(content, person=0, size=None):
    """As Load Keypoint Labels does."""
    return to_keypoints(in_openpose_names(by_file_name(read_coco(content, person))), size)


def test_pixels_become_parts_of_each_pictures_own_width_and_height():
    points = (50, 20, 2), (100, 80, 1)
    content = dataset([image(1), image(2, width=400, height=200)], [annotation(1, *points), annotation(2, *points)])
    xy = read(content).xy
    assert xy[0].tolist() == [[0.25, pytest.approx(0.2)], [0.5, pytest.approx(0.8)]]
    assert xy[1].tolist() == [[0.125, pytest.approx(0.1)], [0.25, pytest.approx(0.4)]]


def test_0_is_not_labelled_1_is_hidden_and_2_is_visible():
    content = dataset([image(1)], [annotation(1, (7, 7, 0), (8, 8, 1), (9, 9, 2))], names=("a", "b", "c"))
    labels = read(content)
    assert labels.labelled.tolist() == [[False, True, True]] and labels.visible.tolist() == [[False, False, True]]
    assert labels.score.tolist() == [[0, 1, 1]] and math.isnan(labels.xy[0, 0, 0])


def test_pictures_are_in_the_order_of_their_file_names():
    names = ["c.png", "a.png", "b.png"]
    images = [image(number, name) for number, name in enumerate(names)]
    content = dataset(images, [annotation(number, (number * 20, 0, 2), (0, 0, 0)) for number in range(3)])
    assert read(content).xy[:, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.0])


def test_pictures_without_file_names_stay_in_the_order_of_the_file():
    annotations = [annotation(3, (20, 0, 2), (0, 0, 0)), annotation(5, (40, 0, 2), (0, 0, 0))]
    content = dataset([image(5), image(3)], annotations)
    assert read(content).xy[:, 0, 0].tolist() == pytest.approx([0.2, 0.1])


def test_pictures_can_be_chosen_by_name_with_or_without_their_folder():
    images = [image(number, name) for number, name in enumerate(["day/a.png", "day/b.png", "night/a.png"])]
    content = dataset(images, [annotation(number, (number * 20, 0, 2), (0, 0, 0)) for number in range(3)])
    labels = read_coco(content, 0)
    chosen = named_pictures(labels, ("night/a.png", "b.png", "a.png"))
    assert chosen.pictures == ("night/a.png", "day/b.png", "day/a.png")
    assert chosen.xy[:, 0, 0].tolist() == [40, 20, 0]
    with pytest.raises(ValueError, match='no picture "c.png"; its 3 pictures begin with "day/a.png"'):
        named_pictures(labels, ("a.png", "c.png"))


def test_the_person_of_the_largest_area_is_the_first():
    small, large = annotation(1, (20, 0, 2), (0, 0, 0), area=9), annotation(1, (40, 0, 2), (0, 0, 0), area=10.5)
    content = dataset([image(1)], [small, large])
    assert read(content, 0).xy[0, 0, 0] == pytest.approx(0.2)
    assert read(content, 1).xy[0, 0, 0] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no labelled joint"):
        read(content, 2)


def test_without_an_area_the_box_and_without_a_box_the_points_tell_who_is_larger():
    boxes = [annotation(1, (20 * k, 0, 2), (0, 0, 0), bbox=[0, 0, k, 5]) for k in (1, 3, 2)]
    assert read(dataset([image(1)], boxes)).xy[0, 0, 0] == pytest.approx(0.3)
    points = [annotation(1, (0, 0, 2), (20 * k, 9, 2)) for k in (1, 3, 2)]
    assert read(dataset([image(1)], points)).xy[0, 1, 0] == pytest.approx(0.3)


def test_crowds_people_without_labels_and_boxes_without_keypoints_are_nobody():
    people = [
        annotation(1, (20, 0, 2), (0, 0, 0), area=1),
        annotation(1, (40, 0, 2), (0, 0, 0), area=100, iscrowd=1),
        annotation(1, (0, 0, 0), (0, 0, 0), area=100),
        {"image_id": 1, "category_id": 7, "bbox": [0, 0, 90, 90]},
    ]
    assert read(dataset([image(1)], people)).xy[0, 0, 0] == pytest.approx(0.1)


def test_a_picture_without_annotations_is_there_and_unlabelled():
    content = dataset([image(1), image(2)], [annotation(2, (20, 0, 2), (0, 0, 0))])
    assert read(content).labelled.any(dim=1).tolist() == [False, True]


def test_names_and_limbs_of_other_things_stay_as_they_are():
    points = (1, 1, 2), (2, 2, 2), (3, 3, 2)
    content = dataset([image(1)], [annotation(1, *points)], ("Beak", "left wing", "tail"), [(1, 2), (3, 1)])
    labels = read(content)
    assert labels.names == ("Beak", "left wing", "tail") and labels.skeleton == ((0, 1), (2, 0))


def person(**places):
    """COCO-17 with joint k at (10 + k, 20 + 2 k), visible, but for those given by name."""
    return [places.get(name, (10 + k, 20 + 2 * k, 2)) for k, name in enumerate(COCO_17)]


def test_the_17_joints_of_a_person_become_openpose_18_with_the_neck_between_the_shoulders():
    content = dataset([image(1)], [annotation(1, *person())], COCO_17, [(16, 14)])
    labels = read(content)
    assert labels.names == OPENPOSE_18.names and labels.skeleton == OPENPOSE_18.limbs
    places = dict(zip(labels.names, (labels.xy[0] * labels.xy.new_tensor([200, 100])).tolist(), strict=True))
    assert places["left_shoulder"] == pytest.approx([15, 30]) and places["right_ankle"] == pytest.approx([26, 52])
    assert places["neck"] == pytest.approx([15.5, 31])


@pytest.mark.parametrize(
    ("left", "right", "labelled", "visible"),
    [(2, 2, True, True), (2, 1, True, False), (1, 1, True, False), (2, 0, False, False), (0, 0, False, False)],
)
def test_the_neck_is_labelled_and_visible_where_both_shoulders_are(left, right, labelled, visible):
    points = person(left_shoulder=(20, 20, left), right_shoulder=(30, 20, right))
    labels = read(dataset([image(1)], [annotation(1, *points)], COCO_17))
    neck = labels.names.index("neck")
    assert labels.labelled[0, neck] == labelled and labels.visible[0, neck] == visible
    assert labels.score[0, neck] == labelled


def test_where_the_file_lacks_sizes_the_pictures_give_them():
    content = dataset([{"id": 1}], [annotation(1, (50, 20, 2), (0, 0, 0))])
    assert read(content, size=(100, 50)).xy[0, 0].tolist() == pytest.approx([0.5, 0.4])
    with pytest.raises(ValueError, match="connect the pictures"):
        read(content)


GOOD = dataset([image(1, "a.png")], [annotation(1, (50, 20, 2), (9, 9, 2), area=5)], skeleton=[(1, 2)])
_GONE = object()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images", _GONE, "'images' should be a list, but is missing"),
        ("images", {}, "'images' should be a list, but is an object"),
        ("images", [], "0 pictures"),
        ("images/0", 5, "an image should be an object, but is a number"),
        ("images/0/id", _GONE, "an image's 'id' should be a whole number or text, but is missing"),
        ("images/0/id", 1.5, "whole number or text"),
        ("images/0/id", 2**70, "too large"),
        ("images/0/file_name", 3, "'file_name' should be text, but is a number"),
        ("images/0/width", "200", "'width' should be a number, but is the text \"200\""),
        ("images/0/width", 0, "from 1"),
        ("images/0/height", _GONE, "'height' should be a number, but is missing"),
        ("images/1", image(1, "b.png"), "two images have the id 1"),
        ("annotations", {}, "'annotations' should be a list"),
        ("annotations", [], "no labelled joint in any"),
        ("annotations/0", "person", "an annotation should be an object"),
        ("annotations/0/image_id", [1], "'image_id' should be a whole number or text, but is a list"),
        ("annotations/0/category_id", _GONE, "'category_id' should be"),
        ("annotations/0/category_id", 2, "of one kind of keypoints, named by a category; 0 kinds"),
        ("annotations/0/keypoints", "1 2 3", "'keypoints' should be a list, but is the text"),
        ("annotations/0/keypoints", [1, 2], "triples of numbers, but there are 2"),
        ("annotations/0/keypoints", [1, 2, 2], "has 1 keypoints, but its category names 2"),
        ("annotations/0/keypoints/0", None, "should be a number, but is missing"),
        ("annotations/0/keypoints/0", True, "should be a number, but is true or false"),
        ("annotations/0/keypoints/0", 10**400, "beyond that"),
        ("annotations/0/keypoints/2", 3, "0 .not labelled., 1 .hidden. or 2 .visible."),
        ("annotations/0/area", 1e13, "'area' should be a number from 0 to 1e\\+12"),
        ("annotations/0/area", 4000 * 3000, None),
        ("annotations/0/area", -1, "'area' should be a number from 0"),
        ("annotations/0/area", [], "'area' should be a number, but is a list"),
        ("categories", _GONE, "'categories' should be a list, but is missing"),
        ("categories/0", None, "a category should be an object, but is missing"),
        ("categories/0/keypoints", _GONE, "a category's 'keypoints' should be a list, but is missing"),
        ("categories/0/keypoints/0", 5, "a keypoint's name should be text, but is a number"),
        ("categories/0/keypoints/0", "tail", "more than once: tail"),
        ("categories/0/skeleton", 5, "'skeleton' should be a list"),
        ("categories/0/skeleton", [[0, 1]], "two different numbers from 1 to 2"),
        ("categories/0/skeleton", [[1, 2, 2]], "two different numbers"),
        ("categories/0/skeleton", [["beak", "tail"]], "a limb's end should be a number"),
        ("categories/1", {"id": 2, "keypoints": "none"}, None),  # nothing uses it
    ],
)
def test_what_is_not_coco_is_refused_in_words(path, value, message):
    content = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    holder = content
    for part in way:
        holder = holder[part]
    if value is _GONE:
        del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(value)
    else:
        holder[last] = value
    if message is None:
        assert read(content).labelled.all()
        return
    with pytest.raises(ValueError, match=message):
        read(content)


def test_two_kinds_of_keypoints_in_one_file_are_refused():
    content = dataset([image(1)], [annotation(1, (1, 1, 2), (2, 2, 2)), annotation(1, (1, 1, 2), category_id=2)])
    content["categories"].append({"id": 2, "keypoints": ["wheel"]})
    with pytest.raises(ValueError, match="2 kinds are named"):
        read(content)


def test_more_points_than_any_file_of_labels_has_are_refused():
    names = [str(number) for number in range(10_001)]
    content = dataset([image(1)], [annotation(1, *[(1, 1, 2)] * 10_001)], names)
    with pytest.raises(ValueError, match="too large, with 10001 joints"):
        read(content)


def test_coco_is_known_by_its_annotations():
    assert is_coco({"annotations": []}) and not is_coco({"people": []}) and not is_coco([])
