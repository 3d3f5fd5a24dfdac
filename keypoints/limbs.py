"""Limbs for keypoints with names: those of a known skeleton, or those that a person writes down."""

import re
from difflib import get_close_matches

from .joint_names import FURTHER_LIMBS, spell
from .skeletons import COCO_17, FIGURE_14, OPENPOSE_18

# Where names fit two skeletons equally well, the first is taken: without a neck, OpenPose's joints are COCO's.
KNOWN = {"COCO 17": COCO_17, "OpenPose 18": OPENPOSE_18, "Figure 14": FIGURE_14}


def limbs_by_name(names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The limbs of the known skeleton with which the names have most joints in common.

    "LShoulder", "left shoulder" and "left_shoulder" are one joint. Limbs to feet, toes and hands, which longer
    skeletons have, are added. Raises ValueError when no limb joins two of the names.
    """
    index = {spell(name): k for k, name in reversed(list(enumerate(names)))}
    known = max(KNOWN.values(), key=lambda skeleton: len(set(skeleton.names) & set(index)))
    pairs = [(known.names[i], known.names[j]) for i, j in known.limbs] + list(FURTHER_LIMBS)
    limbs = dict.fromkeys((index[i], index[j]) for i, j in pairs if i in index and j in index)
    if not limbs:
        raise ValueError(
            f"No limb of a known skeleton ({', '.join(KNOWN)}) joins two of these keypoints: {', '.join(names)}. "
            f"Choose 'minimum spanning tree', or 'own limbs' and write them down."
        )
    return tuple(limbs)


def limbs_from_text(text: str, names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Limbs that a person wrote, one to a line: "left_hip - left_knee", or a chain "left_hip - left_knee - left_foot".

    Spaces around the dash are needed only where a name contains a dash. Empty lines and repeated limbs are left out.
    Raises ValueError, with the line, for a line of one name, a name that no keypoint has, or a limb of one point.
    """
    dash = r"\s+-\s+" if any("-" in name for name in names) else r"\s*-\s*"
    limbs = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        chain = [_point(part, names, number) for part in re.split(dash, line.strip())]
        if len(chain) < 2:
            raise ValueError(f"Line {number} of the limbs, '{line.strip()}', is no limb. Write 'hip - knee'.")
        for i, j in zip(chain, chain[1:], strict=False):
            if i == j:
                raise ValueError(f"Line {number} of the limbs joins '{names[i]}' with itself. Name two keypoints.")
            limbs.setdefault(frozenset((i, j)), (i, j))
    return tuple(limbs.values())


def _point(written: str, names: tuple[str, ...], line: int) -> int:
    if written in names:
        return names.index(written)
    spelled = [spell(name) for name in names]
    if spelled.count(spell(written)) == 1:
        return spelled.index(spell(written))
    close = get_close_matches(written, names, n=1)
    meant = f" Did you mean '{close[0]}'?" if close else ""
    raise ValueError(
        f"Line {line} of the limbs names '{written}', but no keypoint has this name.{meant} "
        f"There are: {', '.join(names)}."
    )
