"""Presets and what they refuse: keypoints/recipes.py."""

import pytest
from attention_keypoints.keypoints.recipes import LABELLED, UNLABELLED, recipe


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"keypoints": 0}, "keypoints must be at least 1; got 0."),
        ({"steps": -1}, "steps must be at least 0; got -1."),
        ({"batch": 0}, "batch must be at least 1; got 0."),
        ({"accumulation": 0}, "accumulation must be at least 1; got 0."),
        ({"warps": -2}, "warps must be at least 0; got -2."),
        ({"keypoints": 12, "tokens": 11}, "Asked for 12 keypoints out of 11 tokens. Use more tokens or fewer"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(changes, told):
    with pytest.raises(ValueError) as error:
        recipe(UNLABELLED, "published", **changes)
    assert str(error.value).startswith(told)


def test_only_the_published_preset_counts_its_random_tokens():
    assert recipe(UNLABELLED, "instant", keypoints=12, tokens=11).keypoints == 12


def test_a_changed_recipe_leaves_the_preset_as_it_was():
    changed = recipe(UNLABELLED, "improved", steps=7)
    assert changed.steps == 7 and UNLABELLED["improved"].steps != 7
    assert changed.rate == UNLABELLED["improved"].rate


@pytest.mark.parametrize("presets", [UNLABELLED, LABELLED], ids=["without labels", "from labels"])
def test_presets_go_by_their_own_name(presets):
    assert all(name == one.preset for name, one in presets.items())


def test_the_published_recipe_from_labels_has_the_papers_numbers():
    """Schofield et al.: losses 1 : 1 : 5, a Gaussian of 0.05 of each side, 100 steps."""
    published = LABELLED["published"]
    assert (published.localisation, published.equivariance, published.labels) == (1, 1, 5)
    assert (published.label_sigma, published.steps, published.t) == (0.05, 100, 0)
