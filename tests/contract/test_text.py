"""Text through the host's own tokenizer and text encoder (of one layer, with random weights) to maps of words."""

import functools
from types import SimpleNamespace

import comfy.sd
import comfy.sd1_clip
import comfy.text_encoders.sd2_clip
import pytest
import torch
from attention_keypoints.attention import host
from attention_keypoints.attention.layers import PUBLISHED
from attention_keypoints.attention.words import words_of_pieces
from attention_keypoints.nodes.reading import read_attention

ONE_LAYER = {
    "num_hidden_layers": 1, "hidden_size": 768, "intermediate_size": 64, "num_attention_heads": 12,
    "hidden_act": "quick_gelu", "max_position_embeddings": 77, "vocab_size": 49408, "eos_token_id": 49407,
}  # fmt: skip


@pytest.fixture(scope="session")
def clip():
    """The host's CLIP of SD1.5: its own tokenizer, and a text encoder of one layer."""
    encoder = functools.partial(
        comfy.sd1_clip.SD1ClipModel,
        clip_model=functools.partial(comfy.sd1_clip.SDClipModel, textmodel_json_config=dict(ONE_LAYER)),
    )
    target = SimpleNamespace(params={}, clip=encoder, tokenizer=comfy.sd1_clip.SD1Tokenizer)
    made = comfy.sd.CLIP(target)
    generator = torch.Generator().manual_seed(0)
    for parameter in made.cond_stage_model.parameters():
        parameter.data.normal_(0, 0.05, generator=generator)
    return made


@pytest.fixture
def read_text(model, vae, clip):
    def run(text, conditioning=None):
        image = torch.rand((1, 16, 24, 3), generator=torch.Generator().manual_seed(0))
        return read_attention(
            model, vae, image, conditioning, clip, text, t=0, seed=0, longest_map=24, longest_picture=512,
            layers=PUBLISHED,
        )  # fmt: skip

    return run


def words(clip, text):
    return words_of_pieces(host.encode_text(clip, text)[1])


def test_a_text_becomes_77_rows_and_the_words_in_it(clip):
    context, pieces = host.encode_text(clip, "a red hat")
    assert context.shape == (1, 77, 768) and len(pieces) == 77
    word_of_row, names = words_of_pieces(pieces)
    assert names == ["a", "red", "hat"]
    assert word_of_row == [None, 0, 1, 2] + [None] * 73


def test_the_context_is_what_the_hosts_own_node_encodes(clip):
    import nodes  # the host's

    ((expected, _),) = nodes.CLIPTextEncode().encode(clip, "a red hat")[0]
    assert torch.equal(host.encode_text(clip, "a red hat")[0], expected)


def test_a_word_of_several_pieces_is_one_word(clip):
    word_of_row, names = words(clip, "xylophonist hat")
    assert names == ["xylophonist", "hat"]
    assert word_of_row.count(0) > 1 and word_of_row.count(1) == 1


def test_weights_brackets_and_punctuation_are_no_words(clip):
    assert words(clip, "a (red:1.3) hat, ((big)) ... shoe!")[1] == ["a", "red", "hat", "big", "shoe"]


def test_accents_and_other_scripts_keep_their_letters(clip):
    assert words(clip, "café Übergröße 犬 naïve")[1] == ["café", "übergröße", "犬", "naïve"]


def test_a_long_text_has_the_rows_of_all_its_chunks(clip):
    text = " ".join(["hat"] * 100)
    context, pieces = host.encode_text(clip, text)
    assert context.shape == (1, 154, 768) and len(pieces) == 154
    word_of_row, names = words_of_pieces(pieces)
    assert len(names) == 100 and sum(word is not None for word in word_of_row) == 100
    assert word_of_row[0] is None and word_of_row[77] is None


def test_an_empty_text_has_no_words(clip):
    assert words(clip, "") == ([None] * 77, [])


def test_the_text_encoder_of_another_family_is_told():
    class Sd2(SimpleNamespace):
        tokenizer = comfy.text_encoders.sd2_clip.SD2Tokenizer()

        def tokenize(self, text):
            return self.tokenizer.tokenize_with_weights(text)

    with pytest.raises(ValueError, match="CLIP of an SD1.5 checkpoint"):
        host.encode_text(Sd2(), "a red hat")


def test_clip_and_text_give_one_map_for_each_word(read_text, clip):
    maps = read_text("a xylophonist, hat")
    assert maps.names == ("a", "xylophonist", "hat")
    assert maps.maps.shape == (1, 3, 16, 24)


def test_a_words_map_is_the_sum_of_its_rows_in_the_maps_of_all_rows(read_text, clip, model, vae):
    context, pieces = host.encode_text(clip, "xylophonist hat")
    word_of_row, _ = words_of_pieces(pieces)
    image = torch.rand((1, 16, 24, 3), generator=torch.Generator().manual_seed(0))
    rows = read_attention(
        model, vae, image, [[context, {}]], None, "", t=0, seed=0, longest_map=24, longest_picture=512,
        layers=PUBLISHED,
    )  # fmt: skip
    expected = rows.maps[:, [row for row, word in enumerate(word_of_row) if word == 0]].sum(1)
    torch.testing.assert_close(read_text("xylophonist hat").maps[:, 0], expected)


def test_a_text_names_the_rows_of_the_conditioning_that_was_encoded_from_it(read_text, clip):
    context, _ = host.encode_text(clip, "a red hat")
    with_conditioning = read_text("a red hat", [[context, {"pooled_output": None}]])
    assert with_conditioning.names == ("a", "red", "hat")
    assert torch.equal(with_conditioning.maps, read_text("a red hat").maps)


def test_a_text_for_another_conditioning_is_told(read_text):
    with pytest.raises(ValueError, match="text gives 77 rows but the conditioning has 5"):
        read_text("a red hat", [[torch.zeros(1, 5, 768), {}]])


def test_a_text_of_punctuation_only_is_told(read_text):
    with pytest.raises(ValueError, match="no words to map"):
        read_text("...")
