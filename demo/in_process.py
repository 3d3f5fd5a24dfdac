"""Makes the host's own modules importable outside a running ComfyUI, for training, benchmarks and tests."""

import importlib
import sys

from .server import find_comfyui, has_accelerator


def use_comfyui(*, like_server: bool = False) -> None:
    """Put the found ComfyUI in front on the path and tell it which device there is. Call before importing
    attention.host. In front, because a repository root on the path would hide the host's nodes.py by our nodes/.

    like_server  on a CPU PyTorch's attention, as our server has it: a third less time than the host's own choice there.
                 Its attention shares are up to 1.2e-5 off diffusers', those of the host's choice less than 1e-5, so
                 tests and benchmarks do without
    """
    sys.path.insert(0, str(find_comfyui()))
    # The host reads this when its memory management is first imported.
    args = importlib.import_module("comfy.cli_args").args
    args.cpu = not has_accelerator()
    if like_server and args.cpu:
        args.use_pytorch_cross_attention = True
