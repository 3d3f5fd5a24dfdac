"""Learning and detecting through the host's own model: presets, seeds, interrupted runs, errors, exactness."""

import functools
from dataclasses import replace

import comfy.model_management
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.maps import map_size
from attention_keypoints.attention.reader import read_maps
from attention_keypoints.keypoints import bank as banks
from attention_keypoints.keypoints import detection
from attention_keypoints.keypoints.detection import detect_pictures
from attention_keypoints.keypoints.keypoints import Keypoints
from attention_keypoints.keypoints.labelled import learn_from_labels
from attention_keypoints.keypoints.learner import ThroughUnet, generator_of
from attention_keypoints.keypoints.learning_state import LearningState
from attention_keypoints.keypoints.objectives import published_label_loss, spatial_cross_entropy
from attention_keypoints.keypoints.recipes import LABELLED, UNLABELLED, recipe
from attention_keypoints.keypoints.refinement import MAP, SIGMA, FixedQueries
from attention_keypoints.keypoints.targets import at_places, peaks
from attention_keypoints.keypoints.tokens import KeypointTokens
from attention_keypoints.keypoints.unlabelled import learn_unlabelled
from attention_keypoints.keypoints.warps import labels_of_copies
from attention_keypoints.keypoints.watch import Watch

PICTURES, HEIGHT, WIDTH, K = 3, 32, 48, 3
NAN = float("nan")
SMALL = {
    "published": {"steps": 4, "tokens": 10, "accumulation": 2, "local": 6, "map_size": 16},
    "improved": {"steps": 6, "reread": 4, "batch": 2, "warps": 1, "clusters": 8, "map_size": 16},
    "instant": {"warps": 2, "clusters": 8, "map_size": 16},
    "prototype": {"warps": 2, "map_size": 16},
}


def small(presets, preset, **changes):
    covers = {"covered": 30} if presets is LABELLED and preset == "improved" else {}
    return recipe(presets, preset, **({"keypoints": K} | covers | SMALL[preset] | changes))


@pytest.fixture
def source(model, vae):
    return host.Source(model, vae)


def smooth_pictures(count=PICTURES, height=HEIGHT, width=WIDTH):
    coarse = torch.rand(count, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    return fine.clamp(0, 1).movedim(1, -1).contiguous()


def some_labels():
    """Labels of the three pictures: partly missing, one of a hidden point."""
    xy = torch.tensor([
        [[0.2, 0.3], [0.7, 0.4], [NAN, NAN]], [[0.3, 0.3], [NAN, NAN], [0.5, 0.8]], [[NAN, NAN], [0.6, 0.5], [0.4, 0.7]]
    ])  # fmt: skip
    visible = ~xy.isnan().any(-1)
    visible[2, 2] = False
    return Keypoints(xy, visible.float(), visible, ("head", "hand", "foot"), ((0, 1),))


@pytest.fixture
def learn(source):
    """learn(preset, ...): learned without labels."""

    def run(preset, *, pictures=None, seed=0, watch=None, **changes):
        pictures = smooth_pictures() if pictures is None else pictures
        return learn_unlabelled(source, pictures, small(UNLABELLED, preset, **changes), seed=seed, watch=watch)

    return run


@pytest.fixture
def learn_labels(source):
    """learn_labels(preset, ...): learned from labels."""

    def run(preset, *, labels=None, base=None, seed=0, watch=None, **changes):
        chosen = small(LABELLED, preset, **changes)
        labels = labels or some_labels()
        return learn_from_labels(source, smooth_pictures(), labels, chosen, seed=seed, base=base, watch=watch)

    return run


@pytest.fixture(scope="module")
def undisturbed(twin, vae):
    """undisturbed(with labels or not, preset): what one run gives that nobody watches or interrupts."""

    @functools.cache
    def run(with_labels, preset):
        source = host.Source(twin.host_model(), vae)
        if with_labels:
            return learn_from_labels(source, smooth_pictures(), some_labels(), small(LABELLED, preset))
        return learn_unlabelled(source, smooth_pictures(), small(UNLABELLED, preset))

    return run


def some_tokens(**changes):
    context = torch.randn(7, 768, generator=torch.Generator().manual_seed(5))
    layers = UNLABELLED["instant"].layers
    parts = {"picked": (4, 0), "names": ("left", "right"), "layers": layers, "t": 100, "map_size": 24}
    return KeypointTokens(context, **(parts | changes))


def same(one, other, atol=0.0):
    torch.testing.assert_close(one.tokens.context, other.tokens.context, rtol=0, atol=atol)
    torch.testing.assert_close(one.tokens.arrangement, other.tokens.arrangement, rtol=0, atol=atol)
    assert one.tokens.picked == other.tokens.picked
    assert one.losses == pytest.approx(other.losses, abs=1e-5)


# Without labels


@pytest.mark.parametrize("preset, rows, steps", [("published", 10, 4), ("improved", K + 8, 6), ("instant", K + 8, 0)])
def test_each_preset_learns_tokens_that_can_be_read_and_leaves_the_model_as_it_was(
    model, learn, unchanged, preset, rows, steps
):
    with unchanged(model):
        learned = learn(preset)
    tokens = learned.tokens
    assert tokens.context.shape == (rows, 768) and tokens.context.isfinite().all()
    assert len(set(tokens.picked)) == K and max(tokens.picked) < rows
    assert tokens.names == ("point_1", "point_2", "point_3")
    assert (tokens.arrangement is not None) == (preset in ("instant", "improved"))
    assert len(learned.losses) == steps and torch.tensor(learned.losses).isfinite().all()
    assert (tokens.learned["preset"], tokens.learned["pictures"], learned.resumed_at) == (preset, PICTURES, 0)


@pytest.mark.parametrize("preset", UNLABELLED)
def test_the_same_seed_learns_the_same_tokens_and_another_seed_others(learn, undisturbed, preset):
    first = undisturbed(False, preset)
    same(learn(preset), first)
    assert not torch.equal(learn(preset, seed=4).tokens.context, first.tokens.context)


@pytest.mark.parametrize("preset", UNLABELLED)
def test_inside_a_nodes_inference_mode_the_same_is_learned(learn, undisturbed, preset):
    with torch.inference_mode():
        found = learn(preset, pictures=smooth_pictures())
    same(found, undisturbed(False, preset), atol=1e-5)
    assert not found.tokens.context.is_inference()


def test_steps_lower_the_loss_of_the_improved_preset(learn):
    losses = learn("improved", steps=12, reread=20, batch=5).losses  # so many that each step sees every copy
    assert losses == sorted(losses, reverse=True)


def test_one_picture_alone_is_refused_by_the_presets_that_compare_pictures(learn):
    for preset in ("improved", "instant"):
        with pytest.raises(ValueError, match="compares pictures of one kind of object, and got 1. Connect at least"):
            learn(preset, pictures=smooth_pictures(1))


def test_progress_never_goes_back_and_ends_at_its_total(learn):
    for preset in UNLABELLED:
        seen = []
        learn(preset, watch=Watch(on_progress=lambda done, total, seen=seen: seen.append((done, total))))
        assert len({total for _, total in seen}) == 1
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("preset", ["published", "improved"])
def test_a_preview_shows_keypoints_of_the_pictures_after_every_step_and_changes_nothing(
    learn, undisturbed, preset
):
    shown = []
    watch = Watch(on_state=lambda state, look: shown.append((state.step, look(state))))
    same(learn(preset, watch=watch), undisturbed(False, preset))
    assert [step for step, _ in shown] == list(range(1, SMALL[preset]["steps"] + 1))
    for _, keypoints in shown:
        assert keypoints.xy.shape == (PICTURES, K, 2) and ((keypoints.xy > 0) & (keypoints.xy < 1)).all()


@pytest.mark.parametrize("preset", ["published", "improved"])
def test_a_preview_from_labels_shows_the_tokens_that_are_learned(learn_labels, source, preset):
    shown = []
    watch = Watch(on_state=lambda state, look: shown.append(look(state)))
    tokens = learn_labels(preset, watch=watch).tokens
    latents = source.encode(smooth_pictures())
    context = tokens.context[None, : tokens.hidden]  # the row for what is hidden comes after the steps
    size = map_size(tuple(latents.shape[-2:]), tokens.map_size)
    with source.open((PICTURES, *latents.shape[1:])) as unet:
        maps = read_maps(unet, latents, context, size=size, t=tokens.t, layers=tokens.layers)
    assert torch.equal(shown[-1].xy, peaks(maps[:, list(tokens.picked)]))
    assert shown[-1].names == some_labels().names


# Interrupted runs


class Stopper:
    """Presses Cancel after a step, or at the first sign of progress after it."""

    def __init__(self, step, folder, later=False):
        self.step, self.later, self.reached = step, later, False
        self.watch = Watch(self._progress, self._state, folder)
        self.reports = 0

    def _state(self, state, look):
        if state.step == self.step:
            self.reached = True
            if not self.later:
                raise comfy.model_management.InterruptProcessingException

    def _progress(self, done, total):
        self.reports += self.reached
        if self.later and self.reports == 2:  # the first belongs to the step itself
            raise comfy.model_management.InterruptProcessingException


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


@pytest.mark.parametrize(
    "preset, step, later",
    [
        pytest.param("published", 1, False, id="published, after a step"),
        pytest.param("improved", 2, False, id="improved, between two readings"),
        pytest.param("improved", 4, False, id="improved, before a reading"),
        pytest.param("improved", 4, True, id="improved, while reading again"),
        pytest.param("improved", 5, False, id="improved, after reading again"),
        pytest.param("improved", 6, False, id="improved, after the last step"),
    ],
)
def test_an_interrupted_run_goes_on_where_it_stopped_and_ends_at_the_same_tokens(
    model, learn, undisturbed, unchanged, tmp_path, preset, step, later
):
    folder = tmp_path / "unfinished"
    with unchanged(model), pytest.raises(comfy.model_management.InterruptProcessingException):
        learn(preset, watch=Stopper(step, folder, later).watch)
    assert len(files_in(folder)) == 1
    resumed = learn(preset, watch=Watch(folder=folder))
    assert resumed.resumed_at == step
    same(resumed, undisturbed(False, preset), atol=1e-5)
    assert files_in(folder) == []


def test_a_run_from_labels_goes_on_as_well(learn_labels, undisturbed, tmp_path):
    for preset in ("published", "improved"):
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            learn_labels(preset, watch=Stopper(3, tmp_path).watch)
        resumed = learn_labels(preset, watch=Watch(folder=tmp_path))
        assert resumed.resumed_at == 3
        same(resumed, undisturbed(True, preset), atol=1e-5)
        assert files_in(tmp_path) == []


def test_another_seed_recipe_or_picture_does_not_take_up_the_unfinished_run(learn, tmp_path):
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        learn("published", watch=Stopper(2, tmp_path).watch)
    watch = Watch(folder=tmp_path)
    assert learn("published", seed=1, watch=watch).resumed_at == 0
    assert learn("published", rate=1e-3, watch=watch).resumed_at == 0
    assert learn("published", pictures=smooth_pictures().flip(2), watch=watch).resumed_at == 0
    assert len(files_in(tmp_path)) == 1, "the unfinished run is still there"
    assert learn("published", watch=watch).resumed_at == 2


def test_an_unfinished_run_that_cannot_be_read_is_learned_from_the_start(learn, undisturbed, tmp_path):
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        learn("published", watch=Stopper(2, tmp_path).watch)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    again = learn("published", watch=Watch(folder=tmp_path))
    assert again.resumed_at == 0
    same(again, undisturbed(False, "published"))
    assert files_in(tmp_path) == []


def test_a_cancel_before_the_first_step_leaves_no_file(learn, tmp_path):
    def cancel(done, total):
        raise comfy.model_management.InterruptProcessingException

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        learn("improved", watch=Watch(on_progress=cancel, folder=tmp_path))
    assert files_in(tmp_path) == []


def test_a_long_run_is_written_every_so_often_while_it_learns(learn, tmp_path):
    steps = []

    def look_for_file(state, look):
        for path in tmp_path.glob("*.safetensors"):
            steps.append((state.step, LearningState.load(path, path.stem).step))

    learn("published", watch=Watch(on_state=look_for_file, folder=tmp_path, save_every=2))
    assert steps == [(2, 2), (3, 2), (4, 2)]


# From labels


@pytest.mark.parametrize(
    "preset, rows, first", [("published", 13, 10), ("prototype", 11, 0), ("instant", 11, 0), ("improved", 12, 0)]
)
def test_each_preset_learns_from_labels_that_are_partly_missing_or_hidden(
    model, learn_labels, unchanged, preset, rows, first
):
    with unchanged(model):
        learned = learn_labels(preset)
    tokens = learned.tokens
    assert tokens.context.shape == (rows, 768) and tokens.context.isfinite().all()
    assert tokens.picked == tuple(range(first, first + K))
    assert (tokens.names, tokens.skeleton) == (("head", "hand", "foot"), ((0, 1),))
    assert len(learned.losses) == SMALL[preset].get("steps", 0)
    assert tokens.calibration is None or tokens.calibration.isfinite().all()
    assert (tokens.arrangement is not None) == (preset in ("instant", "improved"))
    assert tokens.hidden == (11 if preset == "improved" else None)


@pytest.mark.parametrize("preset", LABELLED)
def test_one_label_in_one_picture_is_enough_to_learn_its_keypoint(learn_labels, preset):
    xy = torch.full((PICTURES, 1, 2), NAN)
    xy[1, 0] = torch.tensor([0.3, 0.6])
    labelled = ~xy.isnan().any(-1)
    tokens = learn_labels(preset, labels=Keypoints(xy, labelled.float(), labelled, ("beak",))).tokens
    assert (tokens.names, len(tokens.picked)) == (("beak",), 1) and tokens.context.isfinite().all()
    assert tokens.calibration is None or tokens.calibration.isfinite().all()


@pytest.mark.parametrize("preset", LABELLED)
def test_inside_inference_mode_labels_teach_the_same(learn_labels, undisturbed, preset):
    with torch.inference_mode():
        found = learn_labels(preset, labels=some_labels())
    same(found, undisturbed(True, preset), atol=1e-5)


def test_steps_lower_the_loss_of_the_improved_preset_from_labels(learn_labels):
    losses = learn_labels("improved", steps=12, reread=20, batch=5).losses
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("ambient", [False, True], ids=["normal", "inference mode"])
def test_base_tokens_stay_bit_for_bit_before_the_learned_ones(learn_labels, ambient):
    with torch.inference_mode(ambient):
        base = some_tokens()
        learned = learn_labels("published", base=base)
    assert torch.equal(learned.tokens.context[:7], base.context)
    assert learned.tokens.picked == (7, 8, 9)
    start = learn_labels("published", base=base, steps=1, rate=1e-9).tokens.context
    assert (learned.tokens.context[7:] - start[7:]).abs().amax(-1).min() > 1e-4, "every appended row was learned"


def test_labels_of_another_number_of_pictures_are_refused(learn_labels):
    labels = some_labels()
    fewer = Keypoints(labels.xy[:2], labels.score[:2], labels.visible[:2], labels.names)
    with pytest.raises(ValueError, match="labels for each of the 3 pictures; got labels of 2. Connect the same batch"):
        learn_labels("instant", labels=fewer)


def test_a_keypoint_that_is_labelled_nowhere_or_only_outside_is_named(learn_labels):
    labels = some_labels()
    xy = labels.xy.clone()
    xy[:, 1] = NAN
    xy[:, 2] = 1.2
    with pytest.raises(ValueError, match="No picture has a label inside it for: hand, foot. Label each keypoint"):
        learn_labels("improved", labels=replace(labels, xy=xy))


# Detecting


@pytest.mark.parametrize("augmentations", [0, 3])
@pytest.mark.parametrize("height, width", [(64, 64), (64, 96), (96, 64)])
def test_keypoints_do_not_depend_on_how_the_batch_is_cut(source, monkeypatch, augmentations, height, width):
    pictures = smooth_pictures(5, height, width)
    expected, expected_maps = detect_pictures(source, pictures, some_tokens(), augmentations=augmentations)
    monkeypatch.setattr(detection, "PIECE", 2)
    monkeypatch.setattr(detection, "AT_ONCE", 3)
    monkeypatch.setattr(banks, "AT_ONCE", 2)
    found, maps = detect_pictures(source, pictures, some_tokens(), augmentations=augmentations)
    torch.testing.assert_close(maps, expected_maps, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.xy, expected.xy)
    torch.testing.assert_close(found.score, expected.score, rtol=0, atol=1e-5)
    assert maps.shape == (5, 2, *map_size((height, width), 24)) and found.names == ("left", "right")


def test_without_copies_the_maps_are_those_of_one_reading(source):
    pictures, tokens = smooth_pictures(), some_tokens()
    _, maps = detect_pictures(source, pictures, tokens, seed=11)
    latents = source.encode(pictures)
    with source.open(latents.shape) as unet:
        expected = read_maps(unet, latents, tokens.context[None], size=(16, 24), t=100, seed=11, layers=tokens.layers)
    torch.testing.assert_close(maps, expected[:, [4, 0]], rtol=0, atol=1e-6)


def test_copies_change_the_maps_only_by_what_they_see(source):
    pictures, tokens = smooth_pictures(), some_tokens()
    plain, averaged = (detect_pictures(source, pictures, tokens, augmentations=n)[1] for n in (0, 3))
    assert not torch.allclose(plain, averaged, atol=1e-4)
    assert averaged.min() >= 0 and averaged.max() <= 1
    assert abs(averaged.mean() - plain.mean()) < 0.3 * plain.mean()


def test_maps_are_left_out_when_nobody_wants_them(source):
    found, maps = detect_pictures(source, smooth_pictures(), some_tokens(), keep_maps=False)
    assert maps is None and found.xy.shape == (PICTURES, 2, 2)


def test_an_arrangement_moves_a_point_to_where_its_map_is_lower(source):
    tokens = some_tokens()
    _, maps = detect_pictures(source, smooth_pictures(), tokens)
    apart = torch.tensor([[0.0, 0.3], [0.3, 0.0]])
    spread = torch.tensor([[torch.inf, 1e-3], [1e-3, torch.inf]])
    found, same = detect_pictures(source, smooth_pictures(), some_tokens(arrangement=torch.stack([apart, spread])))
    assert torch.equal(maps, same)
    distance = (found.xy[:, 0] - found.xy[:, 1]).norm(dim=-1)
    cell = 2**0.5 / maps.shape[-1]
    assert (distance - 0.3).abs().max() < cell
    assert ((peaks(maps)[:, 0] - peaks(maps)[:, 1]).norm(dim=-1) - 0.3).abs().max() > 2 * cell
    torch.testing.assert_close(found.score, at_places(maps, found.xy))


def test_a_calibration_says_what_is_visible(source):
    certain = torch.tensor([[0.01, 9.0], [0.01, -9.0]])
    found, _ = detect_pictures(source, smooth_pictures(), some_tokens(calibration=certain))
    assert found.visible.tolist() == [[True, False]] * PICTURES
    assert (found.score[:, 0] > 0.99).all() and (found.score[:, 1] < 0.01).all()


def test_a_row_for_hidden_keypoints_says_what_is_visible_and_gives_no_map_of_its_own(source):
    certain = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    _, every = detect_pictures(source, smooth_pictures(), some_tokens(picked=(4, 0, 6), names=("left", "right", "row")))
    found, maps = detect_pictures(source, smooth_pictures(), some_tokens(hidden=6, calibration=certain))
    assert torch.equal(maps, every[:, :2])
    share = at_places(every[:, 2:].expand(-1, 2, -1, -1), found.xy)
    torch.testing.assert_close(found.score, 1 / (1 + share**2))


def test_detecting_leaves_the_model_as_it_was_and_works_in_inference_mode(model, source, unchanged):
    expected, _ = detect_pictures(source, smooth_pictures(), some_tokens(), augmentations=1)
    with unchanged(model), torch.inference_mode():
        found, _ = detect_pictures(source, smooth_pictures(), some_tokens(), augmentations=1)
    assert torch.equal(found.xy, expected.xy)


# Gradients


@pytest.fixture
def opened(source):
    """opened(gradients): (unet, bank of two pictures with two copies each)."""

    def open_(gradients):
        pictures = smooth_pictures(2)
        bank = banks.fill_bank(source.encode, pictures, banks.own_warps(pictures, 2, seed=7))
        return source.open((4, *bank.latents.shape[2:]), gradients=gradients), bank

    return open_


def test_the_gradient_through_the_unet_foretells_what_a_small_step_does_to_the_loss(opened):
    """With the error at labels alone the loss is smooth, so a difference of two losses must equal the slope."""
    chosen = small(LABELLED, "published", localisation=0.0, equivariance=1.0, labels=5.0)
    xy, weight = torch.tensor([[[0.3, 0.4], [0.6, 0.6]]]), torch.ones(1, 2)

    def objective(maps, warped, theta, pictures, copies):
        return published_label_loss(maps[:, :2], warped[:, :2], theta, xy, weight, recipe=chosen)

    opening, bank = opened(True)
    with opening as unet:
        gradient = ThroughUnet(unet, bank, chosen, 0, objective)
        context = torch.randn(5, 768, generator=torch.Generator().manual_seed(2))
        _, slope = gradient(0, LearningState.start(context))
        step = 0.05 * slope / slope.norm()
        ahead, behind = (gradient(0, LearningState.start(context + side * step))[0] for side in (1, -1))
    assert (ahead - behind) / 0.1 == pytest.approx(slope.norm().item(), rel=0.02)


def test_a_step_draws_the_same_whatever_ran_before_it(opened):
    opening, bank = opened(True)
    with opening as unet:
        context = torch.randn(10, 768, generator=torch.Generator().manual_seed(2))
        gradient = ThroughUnet(unet, bank, small(UNLABELLED, "published", warps=2), 0)
        first = gradient(3, LearningState.start(context))
        gradient(0, LearningState.start(context))
        again = gradient(3, LearningState.start(context))
    assert first[0] == again[0] and torch.equal(first[1], again[1])


def test_learning_through_the_unet_needs_a_warped_copy(opened):
    opening, bank = opened(True)
    plain = banks.Bank(bank.latents[:, :1], bank.theta[:, :1])
    with opening as unet, pytest.raises(ValueError, match="at least one warped copy"):
        ThroughUnet(unet, plain, small(UNLABELLED, "published"), 0)


@pytest.mark.parametrize("step", [0, 4])
def test_right_after_a_reading_held_queries_give_the_loss_of_maps_read_through_the_unet(opened, step):
    chosen = small(LABELLED, "improved", t=300)
    labels = some_labels().xy[:2].nan_to_num(0.5), torch.ones(2, K)
    context = torch.randn(K + 8, 768, generator=torch.Generator().manual_seed(2))
    opening, bank = opened(False)
    with opening as unet:
        loss, _ = FixedQueries(unet, bank, chosen, 9, labels)(step, LearningState.start(context))
        latents, _ = bank.everything
        size = map_size(tuple(latents.shape[-2:]), MAP)
        maps = read_maps(unet, latents, context[None], size=size, t=300, seed=9 + step * 7919, layers=chosen.layers)
    drawn = torch.randperm(6, generator=generator_of(9, step))[:4]
    xy, weight = labels_of_copies(*labels, bank.theta)
    expected = spatial_cross_entropy(maps[drawn, :K], xy[drawn], weight[drawn], SIGMA)
    assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_the_gradient_under_held_queries_foretells_what_a_small_step_does(opened):
    chosen = small(LABELLED, "improved")
    labels = some_labels().xy[:2].nan_to_num(0.5), torch.ones(2, K)
    context = torch.randn(K + 8, 768, generator=torch.Generator().manual_seed(2))
    opening, bank = opened(False)
    with opening as unet:
        gradient = FixedQueries(unet, bank, chosen, 9, labels)
        gradient(0, LearningState.start(context))
        _, slope = gradient(1, LearningState.start(context))
        step = 0.05 * slope / slope.norm()
        ahead, behind = (gradient(1, LearningState.start(context + side * step))[0] for side in (1, -1))
    assert (ahead - behind) / 0.1 == pytest.approx(slope.norm().item(), rel=0.02)
