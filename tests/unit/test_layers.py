"""Names of the sixteen cross-attentions."""

import pytest
from attention_keypoints.attention.layers import CROSS_ATTENTIONS, PUBLISHED, block_key, parse_layers


def test_there_are_sixteen_cross_attentions_in_forward_order():
    assert len(set(CROSS_ATTENTIONS)) == 16
    assert CROSS_ATTENTIONS[0] == "input.1" and CROSS_ATTENTIONS[-1] == "output.11"
    assert CROSS_ATTENTIONS[5:8] == ("input.8", "middle.0", "output.3")


def test_the_published_layers_are_four_of_them():
    assert PUBLISHED == ("output.3", "output.4", "output.5", "output.6")
    assert set(PUBLISHED) < set(CROSS_ATTENTIONS)


@pytest.mark.parametrize("text", ["output.6, input.4", "input.4 output.6", "output.6,input.4,\n output.6 ,"])
def test_layers_are_read_in_forward_order_each_once(text):
    assert parse_layers(text) == ("input.4", "output.6")


@pytest.mark.parametrize("text, told", [("output.3, output.2", "output.2"), ("", "no layer"), (" , ", "no layer")])
def test_unknown_layers_are_named_and_the_known_ones_listed(text, told):
    with pytest.raises(ValueError, match="middle.0") as error:
        parse_layers(text)
    assert told in str(error.value)


def test_a_layers_key_is_the_hosts_with_its_first_transformer():
    assert block_key("output.11") == ("output", 11, 0)
    assert block_key("middle.0") == ("middle", 0, 0)
