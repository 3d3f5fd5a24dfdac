"""Labels as text: the JSON that the widget of Label Keypoints keeps, to Keypoints and back.

    {
      "version": 1,
      "names": ["head", "neck"],               what can be labelled, in this order
      "skeleton": [[1, 0]],                    limbs, as pairs of numbers into names; may be left out
      "pictures": [                            the first pictures of the batch, in its order
        {"points": {"head": {"x": 0.5, "y": 0.1, "visible": true}}},
        {"points": {}}                         a picture without labels
      ]
    }

x and y are in 0..1 of the picture's width and height, never pixels. "visible" is false for a point that the
picture hides, and true when it is left out.
"""

import json

import torch

from .keypoints import Keypoints

VERSION = 1
_HOW_TO_LABEL = "In Label Keypoints choose a name, click its place in the picture, and run again."


def read_labels(text: str, pictures: int | None = None) -> Keypoints:
    """The labels of a batch of so many pictures; NaN, score 0 and not visible where nothing is labelled.

    pictures  None for as many as the text has

    Pictures of the batch that the text does not reach are without labels. Raises ValueError for text of another
    form, points outside the picture, more labelled pictures than there are, and labels without a single point.
    """
    if not text.strip():
        raise ValueError(f"No labels yet. {_HOW_TO_LABEL}")
    form = _parse(text)
    names = _read_names(form)
    found = [_read_points(picture, b, names) for b, picture in enumerate(_part(form, "pictures", list))]
    if not any(found):
        raise ValueError(f"No labels yet. {_HOW_TO_LABEL}")
    last = max(b + 1 for b, points in enumerate(found) if points)
    if pictures is None:
        pictures = len(found)
    if last > pictures:
        raise ValueError(
            f"Picture {last} has labels, but the batch has {pictures}. Connect the pictures that were labelled, "
            "or remove the labels of those that are gone."
        )
    xy = torch.full((pictures, len(names), 2), torch.nan)
    visible = torch.zeros(pictures, len(names), dtype=torch.bool)
    for b, points in enumerate(found):
        for name, (x, y, seen) in points.items():
            xy[b, names.index(name)] = torch.tensor([x, y])
            visible[b, names.index(name)] = seen
    return Keypoints(
        xy=xy, score=(~xy.isnan().any(dim=-1)).float(), visible=visible, names=names, skeleton=_read_limbs(form, names)
    )


def write_labels(keypoints: Keypoints) -> str:
    """Keypoints as the widget's JSON; what has no coordinates or is outside its picture is left out."""
    inside = keypoints.labelled & ((keypoints.xy >= 0) & (keypoints.xy <= 1)).all(dim=-1)
    pictures = [
        {
            "points": {
                name: {"x": round(float(xy[k, 0]), 6), "y": round(float(xy[k, 1]), 6), "visible": bool(visible[k])}
                for k, name in enumerate(keypoints.names)
                if kept[k]
            }
        }
        for xy, visible, kept in zip(keypoints.xy, keypoints.visible, inside, strict=True)
    ]
    limbs = [list(limb) for limb in keypoints.skeleton]
    return json.dumps(
        {"version": VERSION, "names": list(keypoints.names), "skeleton": limbs, "pictures": pictures},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _parse(text: str) -> dict:
    try:
        form = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(
            f"The labels are not JSON ({problem}). Undo the last change of their text, or clear it and label anew."
        ) from None
    if not isinstance(form, dict) or "version" not in form:
        raise ValueError(
            'The labels are JSON, but not of Label Keypoints: expected {"version": 1, "names": ..., "pictures": ...}. '
            "Files of other programs come in through the widget's Import or through Load Labels."
        )
    if form["version"] != VERSION:
        raise ValueError(
            f"The labels are of version {form['version']!r}, and this pack reads version {VERSION}. "
            "Update the pack, or label anew."
        )
    return form


def _part(form: dict, key: str, kind: type):
    part = form.get(key)
    if not isinstance(part, kind):
        words = {list: "a list", dict: "an object"}[kind]
        raise ValueError(f"The labels need {words} called '{key}', got {_short(part)}.")
    return part


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _read_names(form: dict) -> tuple[str, ...]:
    names = _part(form, "names", list)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f"The labels need a list of names with at least one in it, got {_short(names)}.")
    return tuple(names)


def _read_limbs(form: dict, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """The pairs; whether they fit the names is for Keypoints to say."""
    limbs = form.get("skeleton", [])
    if not isinstance(limbs, list) or not all(
        isinstance(limb, list) and len(limb) == 2 and all(type(end) is int for end in limb) for limb in limbs
    ):
        raise ValueError(
            f"The skeleton of the labels must be pairs of numbers from 0 to {len(names) - 1}, got {_short(limbs)}."
        )
    return [tuple(limb) for limb in limbs]


def _read_points(picture, b: int, names: tuple[str, ...]) -> dict[str, tuple[float, float, bool]]:
    """(x, y, visible) of each labelled name of the b-th picture."""
    where = f"picture {b + 1} of the labels"
    if not isinstance(picture, dict) or not isinstance(picture.get("points"), dict):
        raise ValueError(f"In {where}, expected an object called 'points', got {_short(picture)}.")
    found = {}
    for name, point in picture["points"].items():
        if name not in names:
            raise ValueError(f"In {where}, '{name}' is labelled, but it is not one of the names: {', '.join(names)}.")
        place = [point.get("x"), point.get("y")] if isinstance(point, dict) else []
        if len(place) != 2 or not all(type(part) in (int, float) for part in place):
            raise ValueError(f"In {where}, '{name}' needs an x and a y that are numbers, got {_short(point)}.")
        # Also refuses NaN, which Python's JSON reader lets through.
        if not all(0 <= part <= 1 for part in place):
            raise ValueError(
                f"In {where}, '{name}' is at x = {place[0]}, y = {place[1]}, outside the picture. "
                "Both are parts of its width and height, from 0 to 1, not pixels."
            )
        seen = point.get("visible", True)
        if not isinstance(seen, bool):
            raise ValueError(f"In {where}, 'visible' of '{name}' must be true or false, got {_short(seen)}.")
        found[name] = (float(place[0]), float(place[1]), seen)
    return found
