"""Gradients through half precision: what scaling saves, and that it changes nothing else."""

import pytest
import torch
from attention_keypoints.attention.gradients import scaled_gradient


def half_precision_loss(x, weight):
    """A float32 loss of float32 inputs with float16 arithmetic between, as through a float16 UNet."""
    return (x.to(torch.float16) * weight.to(torch.float16)).float().sum() * 1e-9


@pytest.fixture
def inputs():
    x = torch.linspace(-1, 1, 9, requires_grad=True)
    return x, torch.linspace(0.5, 2, 9)


def test_gradients_that_float16_loses_are_kept_by_scaling(inputs):
    x, weight = inputs
    (lost,) = torch.autograd.grad(half_precision_loss(x, weight), x)
    assert torch.count_nonzero(lost) == 0
    (kept,) = scaled_gradient(half_precision_loss(x, weight), [x], torch.float16)
    assert kept.dtype == torch.float32
    torch.testing.assert_close(kept, weight * 1e-9, rtol=2e-3, atol=0)


def test_where_the_scale_overflows_a_smaller_one_is_found(inputs):
    x, weight = inputs
    loss = half_precision_loss(x, weight) * 1e9 * 100  # times 2**16 is far beyond float16's 65504
    (found,) = scaled_gradient(loss, [x], torch.float16)
    torch.testing.assert_close(found, weight * 100, rtol=2e-3, atol=0)


def test_a_gradient_that_is_never_finite_is_told():
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="gradient is not a number"):
        scaled_gradient(x.sqrt().sum(), [x], torch.float16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_types_get_plain_autograd(inputs, dtype):
    x, weight = inputs
    (found,) = scaled_gradient((x * weight).square().sum(), [x], dtype)
    (expected,) = torch.autograd.grad((x * weight).square().sum(), x)
    assert torch.equal(found, expected)


def test_no_tensor_gets_a_grad_of_its_own(inputs):
    x, weight = inputs
    scaled_gradient(half_precision_loss(x, weight), [x], torch.float16)
    assert x.grad is None
