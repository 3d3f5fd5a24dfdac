"""The reader is a guest: reading changes neither what the model computes nor what other packs' patches do."""

import comfy.cli_args
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.layers import CROSS_ATTENTIONS
from attention_keypoints.attention.reader import read_maps
from comfy.ldm.modules import attention
from comfy.ldm.modules.attention import optimized_attention
from comfy.model_management import get_torch_device


@pytest.fixture
def output(seeded):
    """output(model, layers): the denoised latents of one pass that captures these layers on its way."""

    def run(model, layers=()):
        latents = seeded(2, 4, 8, 16)
        with host.open_unet(model, latents.shape) as unet:
            recorder = unet.recorder(layers, stop_early=False)
            result = unet.run(latents, seeded(2, 4, 8, 16, seed=1), 261, seeded(1, 5, 768, seed=2), recorder)
        assert tuple(recorder.captured) == tuple(layers)
        return result

    return run


def blocks():
    return [(block, int(number)) for block, number in (layer.split(".") for layer in CROSS_ATTENTIONS)]


def patched_everywhere(model, calls, transformer_index=None):
    """A clone with a replacement in all sixteen blocks, as an image-prompt adapter puts it there."""
    clone = model.clone()

    def patch(q, k, v, extra_options):
        calls.append((*extra_options["block"], extra_options["block_index"]))
        out = optimized_attention(q, k, v, extra_options["n_heads"])
        return out + 0.5 * optimized_attention(q, k.roll(1, 1), v.roll(1, 1), extra_options["n_heads"])

    for block, number in blocks():
        clone.set_model_attn2_replace(patch, block, number, transformer_index)
    return clone


def test_capturing_every_layer_leaves_the_models_output_bitwise_equal(model, output):
    assert torch.equal(output(model, CROSS_ATTENTIONS), output(model))


def test_the_output_is_that_of_the_hosts_own_call(model, output, seeded, monkeypatch):
    monkeypatch.setattr(comfy.cli_args.args, "use_quad_cross_attention", True)  # what it runs by itself on a CPU
    mine = output(model, CROSS_ATTENTIONS)
    sigma = model.get_model_object("model_sampling").sigma(torch.tensor([261.0, 261.0]))
    x = seeded(2, 4, 8, 16) + sigma.view(-1, 1, 1, 1) * seeded(2, 4, 8, 16, seed=1)
    context = seeded(1, 5, 768, seed=2).expand(2, -1, -1)
    assert torch.equal(mine, model.model.apply_model(x, sigma, c_crossattn=context))


@pytest.mark.skipif(get_torch_device().type != "cpu", reason="a GPU keeps the attention that the host takes there")
def test_on_a_cpu_attention_comes_without_written_products_unless_a_flag_asks_for_them(model, output, monkeypatch):
    calls, own = [], attention.efficient_dot_product_attention
    monkeypatch.setattr(
        attention, "efficient_dot_product_attention", lambda *args, **options: calls.append(1) or own(*args, **options)
    )
    lean = output(model)
    assert not calls
    monkeypatch.setattr(comfy.cli_args.args, "use_quad_cross_attention", True)
    asked = output(model)
    assert len(calls) == 32, "self-attention and cross-attention of sixteen blocks"
    torch.testing.assert_close(lean, asked, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("transformer_index", [None, 0], ids=["block key", "transformer key"])
def test_a_foreign_patch_still_runs_in_every_block_and_decides_the_output(model, output, transformer_index):
    calls = []
    foreign = patched_everywhere(model, calls, transformer_index)
    alone = output(foreign)
    assert not torch.equal(alone, output(model)), "the foreign patch must do something"
    calls.clear()
    assert torch.equal(output(foreign, CROSS_ATTENTIONS), alone)
    assert calls == [(*block, 0) for block in blocks()]


def test_when_both_keys_are_taken_the_patch_runs_that_runs_without_us(model, output):
    calls, others = [], []
    foreign = patched_everywhere(patched_everywhere(model, calls, None), others, 0)
    alone = output(foreign)
    assert calls == [] and len(others) == 16
    assert torch.equal(output(foreign, CROSS_ATTENTIONS), alone)
    assert calls == [] and len(others) == 32


def test_an_input_patch_of_another_pack_is_seen_in_the_captured_queries_and_keys(model, read):
    foreign = model.clone()
    foreign.set_model_attn2_patch(lambda n, context, value, extra_options: (2 * n, context[:, :3], value[:, :3]))
    plain, changed = (read(one, ("input.1",)).captured["input.1"] for one in (model, foreign))
    torch.testing.assert_close(changed.q, 2 * plain.q)
    torch.testing.assert_close(changed.k, plain.k[:, :3])


@pytest.mark.parametrize("added", [2, 5])
def test_rows_that_another_pack_adds_to_the_context_are_told(model, read, seeded, added):
    foreign = model.clone()
    more = seeded(1, added, 768, seed=8)
    foreign.set_model_attn2_patch(
        lambda n, context, value, extra_options: (n, torch.cat([context, more], 1), torch.cat([value, more], 1))
    )
    with pytest.raises(ValueError, match=f"turned a context of 5 rows into {5 + added}"):
        read(foreign, ("output.3",), context_length=5)


def test_an_output_patch_of_another_pack_still_decides_the_output(model, output):
    foreign = model.clone()
    foreign.set_model_attn2_output_patch(lambda n, extra_options: 0.25 * n)
    alone = output(foreign)
    assert not torch.equal(alone, output(model))
    assert torch.equal(output(foreign, CROSS_ATTENTIONS), alone)


def test_an_attention_override_of_another_pack_still_takes_effect(model, output):
    foreign = model.clone()
    calls = []

    def override(attention, q, k, v, heads, *args, **kwargs):
        calls.append(k.shape[1])
        return 0.5 * attention(q, k, v, heads, *args, **kwargs)

    foreign.model_options["transformer_options"]["optimized_attention_override"] = override
    alone = output(foreign)
    assert len(calls) == 32 and not torch.equal(alone, output(model))
    assert torch.equal(output(foreign, CROSS_ATTENTIONS), alone)
    assert len(calls) == 64, "self-attention and cross-attention of sixteen blocks, twice"


def test_a_replaced_sampling_of_the_model_is_respected(model, read):
    """A node such as ModelSamplingDiscrete gives the model another schedule: t then means its noise."""
    import comfy.model_sampling

    class Discrete(comfy.model_sampling.ModelSamplingDiscrete, comfy.model_sampling.EPS):
        pass

    sampling = Discrete(model.model.model_config)
    sampling.set_sigmas(2 * model.get_model_object("model_sampling").sigmas)
    other = model.clone()
    other.add_object_patch("model_sampling", sampling)
    plain, changed = (read(one, ("output.3",)).captured["output.3"].q for one in (model, other))
    assert not torch.allclose(plain, changed, atol=1e-3)


def test_a_node_that_skips_blocks_is_told_instead_of_giving_no_maps(model, seeded):
    """Caching nodes wrap the UNet and sometimes answer without running it."""
    from comfy.patcher_extension import WrappersMP, add_wrapper

    foreign = model.clone()
    add_wrapper(
        WrappersMP.DIFFUSION_MODEL, lambda unet, x, *args, **kwargs: x, foreign.model_options, is_model_options=True
    )
    latents = seeded(1, 4, 8, 8)
    with host.open_unet(foreign, latents.shape) as unet, pytest.raises(RuntimeError, match=r"output\.3.*skips blocks"):
        read_maps(unet, latents, seeded(1, 5, 768), size=(8, 8))


@pytest.mark.parametrize("layers", [("input.1",), ("middle.0",), ("output.3", "input.4"), ("output.11",)])
def test_early_exit_gives_bitwise_the_captures_of_a_full_pass(model, read, layers):
    early, full = read(model, layers), read(model, layers, stop_early=False)
    assert tuple(early.captured) == tuple(full.captured)
    for one, other in zip(early.taken(), full.taken(), strict=True):
        assert torch.equal(one.q, other.q) and torch.equal(one.k, other.k) and one.size == other.size


def test_early_exit_runs_nothing_after_the_last_layer(model, read):
    seen = []
    foreign = model.clone()
    foreign.set_model_output_block_patch(lambda h, skip, options: (seen.append(options["block"][1]), (h, skip))[1])
    read(foreign, ("output.3",))
    assert seen == [0, 1, 2, 3]
