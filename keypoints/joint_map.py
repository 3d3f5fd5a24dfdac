"""Which keypoint is which joint of OpenPose-18: by name, and as a person writes it in lines of "my name = joint"."""

from difflib import get_close_matches

from .joint_names import spell
from .skeletons import OPENPOSE_18

# What figures show in place of OpenPose's joints.
_STANDS_FOR = {
    "head": "nose",
    "left_hand": "left_wrist",
    "right_hand": "right_wrist",
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
}


def usual_joints(names: tuple[str, ...]) -> dict[str, str]:
    """{keypoint: joint} for the names that are those of OpenPose-18's joints, in any common spelling.

    A head stands for the nose, a hand for the wrist and a foot for the ankle, where there is no such keypoint.
    """
    joint_of = {}
    for stands_for in ({}, _STANDS_FOR):
        for name in names:
            joint = stands_for.get(spell(name), spell(name))
            if joint in OPENPOSE_18.names and name not in joint_of and joint not in joint_of.values():
                joint_of[name] = joint
    return joint_of


def read_joints(text: str, names: tuple[str, ...]) -> dict[str, str]:
    """{keypoint: joint} by the lines of a text, and by name (usual_joints) for what it does not mention.

    text   lines of "keypoint = joint"; nothing after the "=" leaves the keypoint out
    names  of the keypoints

    Raises ValueError, in words, for what is not such a line, for unknown keypoints and joints, for a joint or a
    keypoint that is given twice, and when no keypoint is any joint.
    """
    written = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, joint = (part.strip() for part in line.rpartition("="))
        if not equals:
            raise ValueError(f'"{line}" should be a line like "my point = right_wrist".')
        if name not in names:
            raise ValueError(f'There is no keypoint "{name}"{_suggest(name, names)}. The keypoints are: {_few(names)}.')
        if name in written:
            raise ValueError(f'The keypoint "{name}" is given twice; keep one of its lines.')
        if joint and spell(joint) not in OPENPOSE_18.names:
            raise ValueError(
                f'OpenPose has no joint "{joint}"{_suggest(spell(joint), OPENPOSE_18.names)}. Its joints are: '
                f"{', '.join(OPENPOSE_18.names)}."
            )
        if joint and spell(joint) in written.values():
            raise ValueError(f'The joint "{joint}" is given to two keypoints; keep one of the lines.')
        written[name] = spell(joint)
    joint_of = {name: joint for name, joint in written.items() if joint}
    for name, joint in usual_joints(tuple(name for name in names if name not in written)).items():
        if joint not in joint_of.values():
            joint_of[name] = joint
    if not joint_of:
        raise ValueError(
            f"None of the keypoints is a joint of OpenPose by its name: {_few(names)}. Say which are, in lines like "
            f'"{names[0]} = right_wrist".'
        )
    return joint_of


def write_joints(joint_of: dict[str, str], names: tuple[str, ...]) -> str:
    """The text for read_joints that says all this, a line for every keypoint."""
    return "\n".join(f"{name} = {joint_of.get(name, '')}".rstrip() for name in names)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _suggest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
