"""The words of the demo world."""

import pytest
import torch
from attention_keypoints.demo.figures import COLOURS, PARTS
from attention_keypoints.demo.prompts import (
    VECTORS,
    all_parts,
    empty_prompt,
    part_row,
    read_prompt,
    start_row,
    worn_parts,
)


def test_rows_have_unit_scale_whatever_they_say():
    rows = torch.cat([start_row(), *(part_row(part, colour)[None] for part in PARTS for colour in (None, *COLOURS))])
    assert rows.shape == (1 + 16 * 9, 768)
    assert abs(rows.std(1) - 1).max() < 0.12 and abs(rows.mean(1)).max() < 0.12


def test_the_vectors_are_those_that_the_shipped_model_was_trained_with():
    torch.testing.assert_close(VECTORS["start"][:3], torch.tensor([1.8281, -0.5431, 0.6855]), atol=1e-4, rtol=0)
    torch.testing.assert_close(VECTORS["left shoe"][:2], torch.tensor([-0.0876, -0.3951]), atol=1e-4, rtol=0)
    torch.testing.assert_close(VECTORS["pink"][-1:], torch.tensor([-0.3027]), atol=1e-4, rtol=0)


def test_rows_of_one_part_in_two_colours_are_alike_but_rows_of_two_parts_in_two_colours_are_not():
    def likeness(one, other):
        return torch.cosine_similarity(part_row(*one), part_row(*other), 0)

    assert likeness(("hat", "red"), ("hat", "blue")) > 0.4
    assert abs(likeness(("hat", "red"), ("scarf", "blue"))) < 0.15


def test_a_prompt_becomes_a_start_row_and_one_row_for_each_part():
    context, names = read_prompt("red hat, left glove")
    expected = torch.stack([start_row()[0], part_row("hat", "red"), part_row("left glove")])
    assert torch.equal(context, expected[None])
    assert names == ("", "hat", "left glove")


@pytest.mark.parametrize("text", ["Red  HAT,Left Glove", "red hat\nleft glove\n", " , red hat,, left glove,"])
def test_case_spaces_lines_and_empty_phrases_do_not_matter(text):
    assert torch.equal(read_prompt(text)[0], read_prompt("red hat, left glove")[0])


@pytest.mark.parametrize("text", ["", " , \n"])
def test_a_text_without_parts_is_the_empty_prompt(text):
    context, names = read_prompt(text)
    assert torch.equal(context, empty_prompt()[0]) and names == empty_prompt()[1] == ("",)


@pytest.mark.parametrize("phrase", ["red nose", "mauve hat", "hat red", "red"])
def test_an_unknown_phrase_is_quoted_and_the_known_words_are_listed(phrase):
    with pytest.raises(ValueError, match=f'does not know "{phrase}"') as error:
        read_prompt(f"hat, {phrase}")
    assert all(word in str(error.value) for word in (*PARTS, *COLOURS))


def test_all_parts_are_asked_for_in_no_stated_colour():
    context, names = all_parts()
    assert context.shape == (1, 17, 768) and names == ("", *PARTS)
    assert torch.equal(context[0, 1], part_row("hat"))


def test_what_each_figure_wears_is_a_context_for_each():
    contexts, names = worn_parts([["red"] * 16, ["blue"] * 16])
    assert contexts.shape == (2, 17, 768) and names == ("", *PARTS)
    assert torch.equal(contexts[1, -1], part_row("left shoe", "blue"))
