"""Words out of CLIP's pieces, and maps of words out of maps of rows."""

import pytest
import torch
from attention_keypoints.attention.words import maps_of_words, named_maps, words_of_pieces


def test_pieces_are_joined_to_words():
    pieces = [None, "a</w>", "pain", "ting</w>", "hat</w>", None, None]
    assert words_of_pieces(pieces) == ([None, 0, 1, 1, 2, None, None], ["a", "painting", "hat"])


def test_a_word_that_stands_twice_is_two_words():
    assert words_of_pieces(["hat</w>", "red</w>", "hat</w>"]) == ([0, 1, 2], ["hat", "red", "hat"])


def test_punctuation_belongs_to_no_word():
    assert words_of_pieces(["red</w>", ",</w>", "...</w>", "hat</w>"]) == ([0, None, None, 1], ["red", "hat"])


def test_letters_beyond_ascii_are_spelled_as_they_were_typed():
    # CLIP spells bytes: é is the two characters Ã and ©, 犬 the three ç, Ĭ and ¬.
    pieces = ["cafÃ©</w>", "ç", "Ĭ", "¬</w>", "na", "Ã¯", "ve</w>"]
    assert words_of_pieces(pieces) == ([0, 1, 1, 1, 2, 2, 2], ["café", "犬", "naïve"])


def test_a_word_that_a_chunk_cuts_off_ends_there():
    assert words_of_pieces(["pain", None, None, "ting</w>"]) == ([0, None, None, 1], ["pain", "ting"])
    assert words_of_pieces(["red</w>", "pain"]) == ([0, 1], ["red", "pain"])


def test_no_pieces_make_no_words():
    assert words_of_pieces([None, None]) == ([None, None], [])


def test_a_words_map_is_the_sum_of_its_rows():
    maps = torch.arange(4.0).view(1, 4, 1, 1).expand(2, 4, 3, 5)
    words = maps_of_words(maps, [None, 0, 1, 1], ["a", "painting"])
    assert words.names == ("a", "painting")
    assert words.maps.shape == (2, 2, 3, 5)
    assert words.maps[0, :, 0, 0].tolist() == [1, 5]


def test_a_text_of_another_length_than_the_conditioning_is_told():
    with pytest.raises(ValueError, match="text gives 2 rows but the conditioning has 4"):
        maps_of_words(torch.zeros(1, 4, 2, 2), [0, 1], ["a", "b"])


def test_a_text_without_words_is_told():
    with pytest.raises(ValueError, match="no words to map. Type what to look for"):
        maps_of_words(torch.zeros(1, 2, 2, 2), [None, None], [])


def test_only_rows_with_a_name_are_kept():
    maps = named_maps(torch.arange(3.0).view(1, 3, 1, 1), ["", "hat", "shoe"])
    assert maps.names == ("hat", "shoe")
    assert maps.maps.flatten().tolist() == [1, 2]


def test_rows_without_names_are_numbered():
    assert named_maps(torch.zeros(1, 2, 3, 3), None).names == ("token 0", "token 1")


def test_an_empty_prompt_is_told_instead_of_giving_no_maps():
    with pytest.raises(ValueError, match="empty prompt.*Connect a prompt with words"):
        named_maps(torch.zeros(1, 1, 3, 3), [""])


def test_names_of_another_length_than_the_conditioning_are_told():
    with pytest.raises(ValueError, match="names 1 rows but has 2"):
        named_maps(torch.zeros(1, 2, 3, 3), ["hat"])
