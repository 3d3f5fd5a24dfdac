"""Gradients through the host's model: right, only for the context, and with nothing left behind."""

import comfy.lora
import comfy.patcher_extension
import comfy.sd
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.gradients import scaled_gradient
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.attention.maps import averaged_maps
from attention_keypoints.demo.model import unet_config


@pytest.fixture
def learn(seeded):
    """learn(model, ...): (maps, gradient of the context) of a loss on one map."""

    def run(model, *, stop_early=True, rows=6, chunk_bytes=2**26, size=(16, 24)):
        latents, noise = seeded(2, 4, 8, 12), seeded(2, 4, 8, 12, seed=1)
        with host.open_unet(model, latents.shape, gradients=True) as unet:
            context = seeded(1, rows, 768, seed=2).requires_grad_()
            recorder = unet.recorder(PUBLISHED, stop_early=stop_early)
            unet.run(latents, noise, 100, context, recorder)
            maps = averaged_maps(recorder.taken(), size, chunk_bytes)
            loss = maps[:, 1].square().sum() + maps[:, 2, 3, 5].sum()
            (gradient,) = scaled_gradient(loss, [context], unet.dtype)
        return maps.detach(), gradient

    return run


def plain_loss(twin, context, seeded):
    """The same loss in diffusers, by plain autograd through everything."""
    latents, noise = seeded(2, 4, 8, 12), seeded(2, 4, 8, 12, seed=1)
    twin._seen.clear()
    twin.unet(twin.noised(latents, noise, 100), 100, encoder_hidden_states=context.expand(2, -1, -1))
    everything = []
    for layer, (height, width) in zip(PUBLISHED, [(2, 3)] * 3 + [(4, 6)], strict=True):
        q, k = twin._seen[layer].q, twin._seen[layer].k
        grids = q.transpose(-1, -2).unflatten(-1, (height, width)).flatten(0, 1)
        fine = torch.nn.functional.interpolate(grids, (16, 24), mode="bicubic", align_corners=False)
        queries = fine.flatten(2).transpose(-1, -2).unflatten(0, q.shape[:2])
        everything.append((queries @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1))
    maps = torch.cat(everything, 1).mean(1).transpose(-1, -2).unflatten(-1, (16, 24))
    return maps[:, 1].square().sum() + maps[:, 2, 3, 5].sum()


def close(one, other):
    assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), 0) >= 0.99999
    torch.testing.assert_close(one, other, rtol=0, atol=1e-4 * float(other.abs().max()))


def test_the_gradient_equals_plain_autograd_through_diffusers(model, twin, learn, seeded):
    context = seeded(1, 6, 768, seed=2).requires_grad_()
    (expected,) = torch.autograd.grad(plain_loss(twin, context, seeded), context)
    close(learn(model)[1], expected)


def test_chunks_of_any_size_give_the_same_gradient(model, learn):
    whole = learn(model)[1]
    for chunk_bytes in (64, 5000):
        close(learn(model, chunk_bytes=chunk_bytes)[1], whole)


def test_early_exit_gives_bitwise_the_maps_and_gradients_of_a_full_pass(model, learn):
    early, full = learn(model), learn(model, stop_early=False)
    assert torch.equal(early[0], full[0]) and torch.equal(early[1], full[1])


def test_a_gradient_reaches_only_the_context(model, seeded, sampled, unchanged):
    before, latents = sampled(model), seeded(1, 4, 8, 8)
    context = seeded(1, 6, 768).requires_grad_()
    with unchanged(model):
        with host.open_unet(model, latents.shape, gradients=True) as unet:
            recorder = unet.recorder(PUBLISHED)
            unet.run(latents, latents, 100, context, recorder)
            averaged_maps(recorder.taken(), (8, 8))[:, 1].square().sum().backward()
    assert context.grad.abs().max() > 0
    assert all(p.grad is None and not p.requires_grad for p in model.model.parameters())
    assert torch.equal(sampled(model), before)


@pytest.mark.parametrize("made", ["built", "moved"])
def test_weights_made_in_inference_mode_learn_and_sample_as_before(weights, model, learn, sampled, unchanged, made):
    expected = learn(model)[1]
    with torch.inference_mode():
        other = host.build_sd1_model(weights, unet_config())
        if made == "moved":
            other.model.to(torch.float64).to(torch.float32)
        before = sampled(other)
        with unchanged(other):
            maps, gradient = learn(other)
        assert torch.equal(sampled(other), before)
    assert torch.equal(gradient, expected)


def test_latents_context_and_noise_from_inference_mode_can_be_learned_with(model, seeded):
    with torch.inference_mode():
        latents, noise, rows = seeded(1, 4, 8, 8), seeded(1, 4, 8, 8, seed=1), seeded(1, 6, 768, seed=2)
        with host.open_unet(model, latents.shape, gradients=True) as unet:
            added = torch.zeros(1, 6, 768, requires_grad=True)
            recorder = unet.recorder(PUBLISHED)
            unet.run(latents, noise, 100, rows.clone() + added, recorder)
            averaged_maps(recorder.taken(), (8, 8))[:, 1].sum().backward()
    assert added.grad.abs().max() > 0


def test_an_attention_without_a_backward_is_set_aside_while_learning(model, learn):
    """Flash and sage attention, which packs put in the place of the host's, have none."""
    fast = model.clone()
    fast.model_options["transformer_options"]["optimized_attention_override"] = (
        lambda attention, *args, **kwargs: attention(*args, **kwargs).detach()
    )
    found, expected = learn(fast), learn(model)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


LORA_LAYERS = [
    f"down_blocks_{block}_attentions_{number}_transformer_blocks_0_{attention}_{part}"
    for block in (0, 2) for number in (0, 1) for attention in ("attn1", "attn2") for part in ("to_q", "to_k", "to_v")
]  # fmt: skip


@pytest.fixture
def lora(model, seeded):
    """(a LoRA file's tensors, the same changes to the weights of the host by name)."""
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    tensors, changes = {}, {}
    for seed, layer in enumerate(LORA_LAYERS):
        key = keys[f"lora_unet_{layer}"]
        rows, columns = model.model.state_dict()[key].shape
        up, down = 0.2 * seeded(rows, 2, seed=2 * seed), 0.2 * seeded(2, columns, seed=2 * seed + 1)
        tensors |= {f"lora_unet_{layer}.lora_up.weight": up, f"lora_unet_{layer}.lora_down.weight": down}
        changes[key.removeprefix("diffusion_model.")] = up @ down
    return tensors, changes


@pytest.mark.parametrize("ambient", [False, True], ids=["normal", "inference mode"])
def test_with_a_lora_maps_and_gradients_are_those_of_the_merged_model(
    model, weights, lora, learn, unchanged, ambient
):
    tensors, changes = lora
    merged = {name: weight + changes.get(name, 0) for name, weight in weights.items()}
    expected = learn(host.build_sd1_model(merged, unet_config()))
    plain = learn(model)
    with torch.inference_mode(ambient):
        patched, _ = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)
        found = learn(patched)
    torch.testing.assert_close(found[0], expected[0], atol=1e-5, rtol=0)
    close(found[1], expected[1])
    assert (plain[0] - expected[0]).abs().max() > 0.01, "the LoRA must do something"


def test_after_learning_with_a_lora_the_plain_model_samples_as_before(model, lora, learn, sampled):
    before = sampled(model)
    patched, _ = comfy.sd.load_lora_for_models(model, None, lora[0], 1.0, 0.0)
    with_lora = sampled(patched)
    learn(patched)
    assert torch.equal(sampled(patched), with_lora)
    assert torch.equal(sampled(model), before)


def test_a_model_that_the_host_had_loaded_in_part_is_loaded_whole_for_learning(model, lora, learn):
    expected = learn(comfy.sd.load_lora_for_models(model, None, dict(lora[0]), 1.0, 0.0)[0])[1]
    patched, _ = comfy.sd.load_lora_for_models(model, None, lora[0], 1.0, 0.0)
    patched.patch_model(patched.load_device, lowvram_model_memory=1)
    assert patched.model.model_lowvram
    close(learn(patched)[1], expected)
    assert not patched.model.model_lowvram


def test_learning_with_a_model_loaded_in_part_is_refused(model, learn, sampled, unchanged):
    """Something else on the machine took the memory back: here a callback at the end of loading."""
    before = sampled(model)
    crowded = model.clone()
    crowded.add_callback(
        comfy.patcher_extension.CallbacksMP.ON_LOAD,
        lambda patcher, *_: patcher.partially_unload(patcher.offload_device, 2**20),
    )
    comfy.model_management.unload_all_models()
    with unchanged(crowded), pytest.raises(RuntimeError, match="whole UNet on cpu.*only in part.*Free memory"):
        learn(crowded)
    comfy.model_management.unload_all_models()
    assert torch.equal(sampled(model), before)


def test_learning_with_weights_on_another_device_is_refused_by_its_name(model, learn):
    learn(model)
    layer = model.model.diffusion_model.out[2]
    weight = layer.weight
    layer.weight = torch.nn.Parameter(weight.to("meta"), requires_grad=False)
    with pytest.raises(RuntimeError, match=r"only in part \(rest on meta\)"):
        learn(model)
    layer.weight = weight
    learn(model)


def half_model(weights, dtype):
    """The same model computing in half precision, as the host loads it on a card."""
    import comfy.model_patcher
    import comfy.supported_models

    config = comfy.supported_models.SD15(unet_config())
    config.set_inference_dtype(dtype, None)
    base = config.get_model(weights, "")
    base.load_model_weights(dict(weights), "")
    return comfy.model_patcher.ModelPatcher(base, torch.device("cpu"), torch.device("cpu"))


@pytest.mark.parametrize("dtype, cosine", [(torch.float16, 0.999), (torch.bfloat16, 0.98)])
def test_a_half_precision_model_gives_nearly_the_same_gradient(model, weights, learn, dtype, cosine):
    expected = learn(model)[1]
    half = half_model(weights, dtype)
    found = learn(half)[1]
    assert half.model.get_dtype_inference() == dtype
    assert torch.nn.functional.cosine_similarity(found.flatten(), expected.flatten(), 0) > cosine


def test_in_float16_a_small_loss_keeps_its_gradient_only_by_scaling(weights, seeded):
    latents = seeded(1, 4, 8, 8)

    def gradient(dtype):
        with host.open_unet(half_model(weights, torch.float16), latents.shape, gradients=True) as unet:
            context = seeded(1, 6, 768).requires_grad_()
            recorder = unet.recorder(PUBLISHED)
            unet.run(latents, latents, 100, context, recorder)
            loss = averaged_maps(recorder.taken(), (16, 16))[:, 1].square().mean() * 1e-6
            return scaled_gradient(loss, [context], dtype)[0]

    unscaled, scaled = gradient(torch.float32), gradient(torch.float16)
    assert (unscaled == 0).float().mean() > 0.9
    assert (scaled == 0).float().mean() < 0.1


def test_what_backward_will_keep_is_counted_by_pixels_pictures_width_and_type(model, weights):
    float32 = host.kept_bytes(model, (1, 4, 64, 64))
    assert float32 == pytest.approx(0.66 * 2**30 * 32 / 320, rel=0.01)
    assert host.kept_bytes(model, (3, 4, 32, 64)) == pytest.approx(1.5 * float32, rel=0.01)
    assert host.kept_bytes(half_model(weights, torch.float16), (1, 4, 64, 64)) == pytest.approx(float32 / 2, rel=0.01)
