"""COCO keypoint files: a dataset in JSON with images, annotations and categories."""

import numpy as np

from .joint_names import human_joints, to_openpose
from .json_fields import as_id, as_list, as_number, as_object, as_text, as_triples
from .pixel_labels import PixelLabels, no_labels

_NOT_LABELLED, _HIDDEN, _VISIBLE = 0, 1, 2


def is_coco(content) -> bool:
    return isinstance(content, dict) and "annotations" in content


def read_coco(content: dict, person: int) -> PixelLabels:
    """One person of every image, images by their file names, or in the file's order if they have none.

    person  0 for the one of largest area in each image, 1 for the next, and so on

    v = 0 is not labelled, 1 hidden, 2 visible. Names of a known human skeleton become OpenPose's, others stay.
    Raises ValueError, in words, for whatever is not as COCO has it.
    """
    images = [as_object(image, "an image") for image in as_list(content.get("images"), "'images'")]
    named = all("file_name" in image for image in images)
    if named:
        images.sort(key=lambda image: as_text(image["file_name"], "an image's 'file_name'"))
    annotations = _annotations(content)
    names, limbs = _joints(content, {annotation["category_id"] for annotation in annotations})
    spelled = human_joints(names)
    labels = no_labels(
        len(images),
        spelled or names,
        skeleton=limbs,
        pictures=tuple(image["file_name"] for image in images) if named else (),
    )
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
            _fill(labels, b, found[person])
    return to_openpose(labels) if spelled else labels


def _annotations(content: dict) -> list[dict]:
    """The annotations of single people (or animals, or things) that have keypoints."""
    found = []
    for annotation in as_list(content["annotations"], "'annotations'"):
        if as_object(annotation, "an annotation").get("keypoints") and not annotation.get("iscrowd"):
            as_id(annotation.get("category_id"), "an annotation's 'category_id'")
            as_id(annotation.get("image_id"), "an annotation's 'image_id'")
            found.append(annotation)
    if not found:
        raise ValueError("none of its annotations has keypoints.")
    return found


def _joints(content: dict, used: set) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Names and limbs of the categories that annotations use. COCO counts the joints of limbs from 1."""
    kinds = {}
    for category in as_list(content.get("categories"), "'categories'"):
        if as_id(as_object(category, "a category").get("id"), "a category's 'id'") in used:
            names = as_list(category.get("keypoints"), "a category's 'keypoints'")
            names = tuple(as_text(name, "a keypoint's name") for name in names)
            kinds.setdefault(names, _limbs(category.get("skeleton") or [], len(names)))
    if len(kinds) != 1:
        raise ValueError(
            f"its annotations should be of one kind of keypoints, named by a category; {len(kinds)} kinds are named."
        )
    return next(iter(kinds.items()))


def _limbs(skeleton, joints: int) -> tuple[tuple[int, int], ...]:
    pairs = [as_list(limb, "a limb") for limb in as_list(skeleton, "a category's 'skeleton'")]
    limbs = tuple(tuple(as_number(end, "a limb's end") - 1 for end in pair) for pair in pairs)
    if not all(len(limb) == 2 and limb[0] != limb[1] and set(limb) <= set(range(joints)) for limb in limbs):
        raise ValueError(f"every limb of a category's 'skeleton' should be two different numbers from 1 to {joints}.")
    return limbs


def _people(annotations: list[dict], joints: int) -> dict[int | str, list[np.ndarray]]:
    """For each image the keypoints [K, 3] of its people, largest area first; people without labels are left out."""
    people = {}
    for annotation in annotations:
        points = as_triples(annotation["keypoints"], "an annotation's 'keypoints'")
        if len(points) != joints:
            raise ValueError(f"an annotation has {len(points)} keypoints, but its category names {joints}.")
        if not np.isin(points[:, 2], (_NOT_LABELLED, _HIDDEN, _VISIBLE)).all():
            raise ValueError("the third number of a keypoint should be 0 (not labelled), 1 (hidden) or 2 (visible).")
        if points[:, 2].any():
            people.setdefault(annotation["image_id"], []).append((_area(annotation, points), points))
    # Sorting is stable: of two equal areas, the one that stands first in the file comes first.
    return {
        image: [points for _, points in sorted(found, key=lambda entry: -entry[0])] for image, found in people.items()
    }


def _area(annotation: dict, points: np.ndarray) -> float:
    if "area" in annotation:
        return as_number(annotation["area"], "an annotation's 'area'", 0)
    if "bbox" in annotation:
        sides = as_list(annotation["bbox"], "an annotation's 'bbox'")[2:4]
        return float(np.prod([as_number(side, "a side of a 'bbox'", 0) for side in sides]))
    return float(np.ptp(points[points[:, 2] > 0, :2], axis=0).prod())


def _fill(labels: PixelLabels, b: int, points: np.ndarray) -> None:
    labelled = points[:, 2] != _NOT_LABELLED
    labels.xy[b, labelled] = points[labelled, :2]
    labels.score[b] = labelled
    labels.visible[b] = points[:, 2] == _VISIBLE
