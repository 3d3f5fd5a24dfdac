"""Gradients through a half precision model, where small numbers would round to nothing."""

from collections.abc import Sequence

import torch

FIRST_SCALE = 2.0**16
SMALLEST_SCALE = 1.0


def scaled_gradient(
    loss: torch.Tensor, inputs: Sequence[torch.Tensor], dtype: torch.dtype
) -> tuple[torch.Tensor, ...]:
    """d loss / d input for each input, in float32, of its shape.

    loss   a scalar computed through a model
    dtype  what the model computes in. In float16 gradients below 6e-8 become 0, so the loss is multiplied by
           2**16 first and the gradients are divided by it afterwards; where that overflows, by half as much,
           down to 1. Other types have float32's range and need none of it.
    Nothing but the returned gradients is made: no tensor's .grad is touched. Raises RuntimeError when
    the gradients are not finite at any scale.
    """
    scale = FIRST_SCALE if dtype == torch.float16 else SMALLEST_SCALE
    while True:
        again = scale > SMALLEST_SCALE
        gradients = torch.autograd.grad(loss * scale, inputs, retain_graph=again)
        gradients = tuple(gradient.float() / scale for gradient in gradients)
        if all(torch.isfinite(gradient).all() for gradient in gradients):
            return gradients
        if not again:
            raise RuntimeError(
                "The gradient is not a number (NaN or infinity) even without scaling. Start ComfyUI with "
                "--fp32-unet, or lower the learning rate."
            )
        scale /= 2
