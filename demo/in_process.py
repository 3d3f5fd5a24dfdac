"""Makes the host's own modules importable outside a running ComfyUI, for training, benchmarks and tests."""

import importlib
import sys

from .server import find_comfyui, has_accelerator


def use_comfyui() -> None:
    """Put the found ComfyUI in front on the path and tell it which device there is. Call before importing
    attention.host. In front, because a repository root on the path would hide the host's nodes.py by our nodes/.
    """
    sys.path.insert(0, str(find_comfyui()))
    # The host reads this when its memory management is first imported.
    args = importlib.import_module("comfy.cli_args").args
    args.cpu = not has_accelerator()
    # As our server has it: twice as fast on a CPU as the host's own choice.
    args.use_pytorch_cross_attention = args.cpu
