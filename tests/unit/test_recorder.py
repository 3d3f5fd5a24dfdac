"""The recorder's bookkeeping, without a model: options, chains, conditions, repeats."""

import pytest
import torch
from attention_keypoints.attention.recorder import EarlyExit, Recorder, fold_repeats

OWN = ("output.3", "output.4")


@pytest.fixture
def seeded_pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 6, 8, generator=generator), torch.randn(1, 4, 8, generator=generator)


def attend(q, k, v, heads, extra_options):
    return ("host", q, k, v, heads)


def extra(cond_or_uncond=(0,), size=(2, 3)):
    return {"n_heads": 2, "cond_or_uncond": list(cond_or_uncond), "activations_shape": [1, 8, *size]}


def call(options, key, q, k, **how):
    return options["patches_replace"]["attn2"][key](q, k, "v", extra(**how))


def test_the_callers_options_and_the_dictionaries_inside_stay_as_they_are():
    foreign = object()
    inner = {("output", 3): foreign}
    options = {"patches_replace": {"attn2": inner, "attn1": {}}, "sigmas": 1}
    patched = Recorder(OWN, attend).patched(options)
    assert options == {"patches_replace": {"attn2": {("output", 3): foreign}, "attn1": {}}, "sigmas": 1}
    assert options["patches_replace"]["attn2"] is inner
    assert patched["sigmas"] == 1 and len(patched["patches_replace"]["attn2"]) == 3


def test_attention_itself_is_the_hosts(seeded_pair):
    q, k = seeded_pair
    patched = Recorder(OWN, attend).patched({})
    assert call(patched, ("output", 3, 0), q, k) == ("host", q, k, "v", 2)


@pytest.mark.parametrize("key", [("output", 3), ("output", 3, 0)])
def test_a_foreign_patch_under_either_key_is_called_and_its_result_returned(key, seeded_pair):
    options = {"patches_replace": {"attn2": {key: lambda q, k, v, extra_options: "foreign"}}}
    recorder = Recorder(OWN, attend)
    assert call(recorder.patched(options), ("output", 3, 0), *seeded_pair) == "foreign"
    assert torch.equal(recorder.captured["output.3"].q, seeded_pair[0])


def test_of_two_foreign_patches_the_one_runs_that_the_host_would_run(seeded_pair):
    attn2 = {("output", 3): lambda *given: "two", ("output", 3, 0): lambda *given: "three"}
    patched = Recorder(OWN, attend).patched({"patches_replace": {"attn2": attn2}})
    assert call(patched, ("output", 3, 0), *seeded_pair) == "three"


def test_the_last_needed_layer_ends_the_pass_and_is_captured(seeded_pair):
    recorder = Recorder(OWN, attend)
    patched = recorder.patched({})
    call(patched, ("output", 3, 0), *seeded_pair)
    with pytest.raises(EarlyExit):
        call(patched, ("output", 4, 0), *seeded_pair)
    assert [captured.size for captured in recorder.taken()] == [(2, 3), (2, 3)]


def test_an_early_exit_passes_through_except_exception():
    assert not issubclass(EarlyExit, Exception)


def test_layers_given_in_any_order_are_kept_in_forward_order():
    assert Recorder(("output.6", "input.1"), attend).layers == ("input.1", "output.6")


def test_layers_that_never_ran_are_named():
    with pytest.raises(RuntimeError, match=r"output\.3, output\.4.*skips blocks"):
        Recorder(OWN, attend).taken()


@pytest.mark.parametrize("order, kept", [((0, 1), [0, 1]), ((1, 0), [2, 3]), ((1, 0, 1, 0), [1, 3])])
def test_of_a_mixed_batch_only_the_wanted_condition_is_kept(order, kept):
    q = torch.arange(4.0)[:, None, None].expand(4, 6, 8)
    recorder = Recorder(OWN, attend, stop_early=False)
    call(recorder.patched({}), ("output", 3, 0), q, q[:, :4], cond_or_uncond=order)
    assert recorder.captured["output.3"].q[:, 0, 0].tolist() == kept
    assert recorder.captured["output.3"].k[:, 0, 0].tolist() == kept


@pytest.mark.parametrize("order", [(1,), (1, 1)])
def test_a_pass_without_the_wanted_condition_captures_nothing(order):
    recorder = Recorder(OWN, attend, stop_early=False)
    call(recorder.patched({}), ("output", 3, 0), torch.zeros(2, 6, 8), torch.zeros(2, 4, 8), cond_or_uncond=order)
    assert recorder.captured == {}


def test_repeated_keys_are_folded_to_one_copy(seeded_pair):
    _, k = seeded_pair
    assert torch.equal(fold_repeats(k.repeat(1, 3, 1), 4), k)
    assert fold_repeats(k, 4).shape == k.shape


def test_rows_that_another_pack_added_are_not_taken_for_repeats(seeded_pair):
    q, k = seeded_pair
    with pytest.raises(ValueError, match="context of 4 rows into 6"):
        fold_repeats(q, 4)
    with pytest.raises(ValueError, match="context of 4 rows into 8"):
        fold_repeats(torch.cat([k, k.flip(1)], 1), 4)


def test_folding_gives_each_token_its_whole_share(seeded_pair):
    q, k = seeded_pair
    repeated = (q @ k.repeat(1, 3, 1).transpose(-1, -2)).softmax(-1)
    folded = (q @ fold_repeats(k.repeat(1, 3, 1), 4).transpose(-1, -2)).softmax(-1)
    torch.testing.assert_close(folded, 3 * repeated[..., :4])
