"""COCO keypoint files: a dataset in JSON with images, annotations and categories; and results, a list of people."""

from pathlib import PurePosixPath

import numpy as np

from . import skeletons
from .joint_names import COCO_17, human_joints
from .json_fields import LARGEST, as_id, as_list, as_number, as_object, as_text, as_triples
from .pixel_labels import LEAST_SCORE, PixelLabels, no_labels

_NOT_LABELLED, _HIDDEN, _VISIBLE = 0, 1, 2


def is_coco(content) -> bool:
    return isinstance(content, dict) and "annotations" in content


def is_coco_results(content) -> bool:
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "image_id" in content[0]


def read_coco(content: dict, person: int) -> PixelLabels:
    """One person of every image of a dataset; images, names and limbs as the file has them.

    person  0 for the one of largest area in each image, 1 for the next, and so on

    v = 0 is not labelled, 1 hidden, 2 visible. The score is 1 where labelled, unless "keypoint_scores" says otherwise,
    which COCO does not have and write_coco adds.
    Raises ValueError, in words, for whatever is not as COCO has it.
    """
    images = [as_object(image, "an image") for image in as_list(content.get("images"), "'images'")]
    named = all("file_name" in image for image in images)
    annotations = _annotations(content)
    names, limbs = _joints(content, {annotation["category_id"] for annotation in annotations})
    pictures = [as_text(image["file_name"], "an image's 'file_name'") for image in images] if named else []
    labels = no_labels(len(images), names, skeleton=limbs, pictures=tuple(pictures))
    people = _people(annotations, len(names))
    seen = set()
    for b, image in enumerate(images):
        number = as_id(image.get("id"), "an image's 'id'")
        if number in seen:
            raise ValueError(f"two images have the id {number}.")
        seen.add(number)
        sides = ("width", "height")
        if any(side in image for side in sides):
            labels.sizes[b] = [as_number(image.get(side), f"an image's '{side}'", 1) for side in sides]
        found = people.get(number, ())
        if person < len(found):
            _fill(labels, b, *found[person])
    return labels


def read_coco_results(content: list, person: int) -> PixelLabels:
    """One person of every image that results are of, in the order in which the file comes to them.

    person  0 for the one of the highest score in each image, 1 for the next, and so on

    The third number of a keypoint is its score, 0 where it was not found. Results name neither keypoints nor pictures,
    and do not say how large these are: 17 keypoints are COCO's joints, others are point_1, point_2 and so on.
    Raises ValueError, in words, for whatever is not as COCO has it.
    """
    people = {}
    for result in content:
        number = as_id(as_object(result, "a result").get("image_id"), "a result's 'image_id'")
        points = as_triples(result.get("keypoints"), "a result's 'keypoints'")
        people.setdefault(number, []).append((as_number(result.get("score", 0), "a result's 'score'"), points))
    joints = {len(points) for found in people.values() for _, points in found}
    if len(joints) > 1:
        raise ValueError(f"results should have equally many keypoints, but have {', '.join(map(str, sorted(joints)))}.")
    (joints,) = joints
    names = COCO_17 if joints == len(COCO_17) else tuple(f"point_{k + 1}" for k in range(joints))
    labels = no_labels(len(people), names, skeleton=skeletons.COCO_17.limbs if names is COCO_17 else ())
    for b, found in enumerate(people.values()):
        if person < len(found):
            _, points = sorted(found, key=lambda entry: -entry[0])[person]
            there = points[:, 2] > 0
            labels.xy[b, there] = points[there, :2]
            labels.score[b, there] = points[there, 2]
            labels.visible[b] = there
    return labels


def write_coco(labels: PixelLabels) -> dict:
    """A dataset with one annotation for each image that has a point, for read_coco and pycocotools."""
    numbers = _image_ids(labels)
    flags = np.where(labels.visible, _VISIBLE, _HIDDEN)
    annotations = []
    for b, there in enumerate(labels.labelled):
        if not there.any():
            continue
        corner = labels.xy[b, there].min(axis=0).round(3)
        sides = np.ptp(labels.xy[b, there], axis=0).round(3)
        annotations.append(
            {
                "id": len(annotations) + 1,  # pycocotools takes 0 for none
                "image_id": numbers[b],
                "category_id": 1,
                "keypoints": _triples(labels.xy[b], flags[b]),
                "num_keypoints": int(there.sum()),
                "keypoint_scores": labels.score[b].round(6).tolist(),
                "bbox": [*corner.tolist(), *sides.tolist()],
                "area": round(float(sides.prod()), 3),
                "iscrowd": 0,
            }
        )
    kind = "person" if human_joints(labels.names) else "object"
    return {
        "info": {"description": "Keypoints"},
        "licenses": [],
        "images": [
            {"id": number, "width": int(width), "height": int(height)} | ({"file_name": name} if name else {})
            for number, (width, height), name in zip(
                numbers, labels.sizes, labels.pictures or [None] * len(numbers), strict=True
            )
        ],
        "annotations": annotations,
        "categories": [
            {
                "id": 1,
                "name": kind,
                "supercategory": kind,
                "keypoints": list(labels.names),
                "skeleton": [[i + 1, j + 1] for i, j in labels.skeleton],
            }
        ],
    }


def write_coco_results(labels: PixelLabels) -> list[dict]:
    """A result for each image, for read_coco_results and pycocotools.

    The images' ids are those that write_coco gives them. An image without any point has a result of zeros and score 0,
    since otherwise the file would not say that there is such an image.
    """
    labelled = labels.labelled
    scores = labels.score.round(6).clip(LEAST_SCORE, None) * labelled
    return [
        {
            "image_id": number,
            "category_id": 1,
            "keypoints": _triples(labels.xy[b], scores[b]),
            "score": round(float(scores[b].sum() / max(labelled[b].sum(), 1)), 6),
        }
        for b, number in enumerate(_image_ids(labels))
    ]


def _image_ids(labels: PixelLabels) -> list[int]:
    """The numbers that are the file names, as in 000000397133.jpg of COCO; or else 1, 2, 3 and so on."""
    stems = [PurePosixPath(name.replace("\\", "/")).stem for name in labels.pictures]
    if stems and all(stem.isascii() and stem.isdecimal() and len(stem) < 19 for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(numbers):
            return numbers
    return list(range(1, len(labels.xy) + 1))


def _triples(xy: np.ndarray, third: np.ndarray) -> list:
    """The flat list of x, y and a third number of each keypoint; zeros where there is no point."""
    flat = []
    for (x, y), number in zip(xy.round(3).tolist(), third.tolist(), strict=True):
        flat += (0, 0, 0) if x != x else (x, y, number)  # NaN differs from itself
    return flat


def _annotations(content: dict) -> list[dict]:
    """The annotations of single people (or animals, or things) that have keypoints."""
    found = []
    for annotation in as_list(content["annotations"], "'annotations'"):
        if as_object(annotation, "an annotation").get("keypoints") and not annotation.get("iscrowd"):
            as_id(annotation.get("category_id"), "an annotation's 'category_id'")
            as_id(annotation.get("image_id"), "an annotation's 'image_id'")
            found.append(annotation)
    return found


def _joints(content: dict, used: set) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Names and limbs of the categories that annotations use, or of all that have keypoints where none has any.

    COCO counts the joints of limbs from 1.
    """
    kinds = {}
    for category in as_list(content.get("categories"), "'categories'"):
        number = as_id(as_object(category, "a category").get("id"), "a category's 'id'")
        if number in used or not used and category.get("keypoints"):
            names = as_list(category.get("keypoints"), "a category's 'keypoints'")
            names = tuple(as_text(name, "a keypoint's name") for name in names)
            kinds.setdefault(names, _limbs(category.get("skeleton") or [], len(names)))
    if not used and not kinds:
        raise ValueError("none of its annotations has keypoints.")
    if len(kinds) != 1:
        raise ValueError(
            f"its annotations should be of one kind of keypoints, named by a category; {len(kinds)} kinds are named."
        )
    return next(iter(kinds.items()))


def _limbs(skeleton, joints: int) -> tuple[tuple[int, int], ...]:
    pairs = [as_list(limb, "a limb") for limb in as_list(skeleton, "a category's 'skeleton'")]
    limbs = tuple(tuple(as_number(end, "a limb's end") - 1 for end in pair) for pair in pairs)
    known = set(range(joints))
    if not all(len(limb) == 2 and limb[0] != limb[1] and set(limb) <= known for limb in limbs):
        raise ValueError(f"every limb of a category's 'skeleton' should be two different numbers from 1 to {joints}.")
    return limbs


def _people(annotations: list[dict], joints: int) -> dict[int | str, list[tuple[np.ndarray, np.ndarray]]]:
    """For each image the keypoints [K, 3] and scores [K] of its people, largest area first, without unlabelled ones."""
    people = {}
    for annotation in annotations:
        points = as_triples(annotation["keypoints"], "an annotation's 'keypoints'")
        if len(points) != joints:
            raise ValueError(f"an annotation has {len(points)} keypoints, but its category names {joints}.")
        if not np.isin(points[:, 2], (_NOT_LABELLED, _HIDDEN, _VISIBLE)).all():
            raise ValueError("the third number of a keypoint should be 0 (not labelled), 1 (hidden) or 2 (visible).")
        if points[:, 2].any():
            person = points, _scores(annotation, points)
            people.setdefault(annotation["image_id"], []).append((_area(annotation, points), person))
    # Sorting is stable: of two equal areas, the one that stands first in the file comes first.
    return {
        image: [person for _, person in sorted(found, key=lambda entry: -entry[0])] for image, found in people.items()
    }


def _scores(annotation: dict, points: np.ndarray) -> np.ndarray:
    labelled = points[:, 2] != _NOT_LABELLED
    if "keypoint_scores" not in annotation:
        return labelled.astype(float)
    scores = as_list(annotation["keypoint_scores"], "'keypoint_scores'")
    if len(scores) != len(points):
        raise ValueError(f"an annotation has {len(points)} keypoints, but {len(scores)} 'keypoint_scores'.")
    return np.array([as_number(score, "a number in 'keypoint_scores'") for score in scores]) * labelled


def _area(annotation: dict, points: np.ndarray) -> float:
    if "area" in annotation:
        return as_number(annotation["area"], "an annotation's 'area'", 0, LARGEST**2)
    if "bbox" in annotation:
        sides = as_list(annotation["bbox"], "an annotation's 'bbox'")[2:4]
        return float(np.prod([as_number(side, "a side of a 'bbox'", 0) for side in sides]))
    return float(np.ptp(points[points[:, 2] > 0, :2], axis=0).prod())


def _fill(labels: PixelLabels, b: int, points: np.ndarray, scores: np.ndarray) -> None:
    labelled = points[:, 2] != _NOT_LABELLED
    labels.xy[b, labelled] = points[labelled, :2]
    labels.score[b] = scores
    labels.visible[b] = points[:, 2] == _VISIBLE
