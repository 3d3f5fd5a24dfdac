"""Inputs that several nodes have: how large a picture the model sees, and which layers are read."""

from comfy_api.latest import io

from ..attention.layers import PUBLISHED

LAYERS = ", ".join(PUBLISHED)


def longest_side_input():
    return io.Int.Input(
        "longest_side", default=512, min=64, max=2048, step=8, optional=True, advanced=True,
        tooltip="Larger pictures are shrunk to this before the model sees them. SD1.5 was trained at 512.",
    )  # fmt: skip


def layers_input():
    return io.String.Input(
        "layers", default=LAYERS, optional=True, advanced=True,
        tooltip="Cross-attentions to average. The four of the published work by default; "
        "input 1, 2, 4, 5, 7, 8, middle 0 and output 3 to 11 exist.",
    )  # fmt: skip
