"""Between the host's CONDITIONING and the engine's context: rows [B or 1, N, 768] and what they are called.

Names ride in the conditioning's options under NAMES, one for each row, "" for a row that is no word. The
host hands options on untouched, so a conditioning with names works everywhere a plain one does.
"""

import torch

NAMES = "attention_keypoints_row_names"


def make_conditioning(context: torch.Tensor, names: tuple[str, ...]) -> list:
    return [[context, {"pooled_output": None, NAMES: tuple(names)}]]


def read_conditioning(conditioning: list) -> tuple[torch.Tensor, tuple[str, ...] | None]:
    """(context [B or 1, N, 768], names or None). Raises ValueError unless it is one SD1.5 conditioning."""
    if len(conditioning) != 1:
        raise ValueError(
            f"Attention is read for one conditioning, but {len(conditioning)} came combined into one. "
            "Connect a CLIP Text Encode directly."
        )
    context, options = conditioning[0]
    if context.ndim != 3 or context.shape[-1] != 768:
        raise ValueError(
            f"Expected an SD1.5 conditioning, rows of width 768; got {list(context.shape)}. "
            "Encode the text with the CLIP of the same checkpoint as the model."
        )
    names = options.get(NAMES)
    # A node between, such as Conditioning (Concat), may have added rows: names that no longer fit tell nothing.
    return context, names if names is not None and len(names) == context.shape[1] else None
