"""From the front end's graph to the API's: what happens to each kind of node, widget and link."""

import pytest
from attention_keypoints.demo.graph import GraphError, to_prompt

OBJECT_INFO = {
    "Load": {
        "input": {
            "required": {"image": [["a.png", "b.png"], {"image_upload": True}], "scale": ["FLOAT", {}]},
            "optional": {"note": ["STRING", {"default": "none"}]},
        },
    },
    "Sample": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "mode": ["COMBO", {"options": ["x", "y"]}],
                "seed": ["INT", {}],
                "steps": ["INT", {"default": 20}],
            },
            "optional": {"points": ["STRING", {"forceInput": True}], "amount": ["FLOAT", {}]},
        },
        "input_order": {"required": ["image", "seed", "steps", "mode"], "optional": ["points", "amount"]},
    },
    "Show": {"input": {"required": {"image": ["IMAGE"]}}, "display_name": "Show Picture"},
    "Menu": {"input": {"required": {"kind": ["COMFY_DYNAMICCOMBO_V3", {}]}}},
}


def node(number, kind, inputs=(), values=None, **more):
    """A node as the front end saves it; inputs are (name, type, link)."""
    slots = [{"name": name, "type": type_, "link": link} for name, type_, link in inputs]
    return {"id": number, "type": kind, "inputs": slots, "widgets_values": values, **more}


def convert(*nodes, links=()):
    return to_prompt({"nodes": list(nodes), "links": list(links)}, OBJECT_INFO)


LOAD = node(1, "Load", values=["a.png", 0.5, "image", "hello"])


def show(link):
    return node(9, "Show", [("image", "IMAGE", link)])


def test_widget_values_get_their_names_and_those_of_buttons_are_left_out():
    assert convert(LOAD)["1"] == {
        "class_type": "Load",
        "inputs": {"image": "a.png", "scale": 0.5, "note": "hello"},
        "_meta": {"title": "Load"},
    }


def test_the_value_that_says_what_happens_to_a_seed_is_left_out():
    prompt = convert(node(2, "Sample", values=[42, "randomize", 8, "y", 0.25]))
    assert prompt["2"]["inputs"] == {"seed": 42, "steps": 8, "mode": "y", "amount": 0.25}


def test_a_widget_that_takes_a_link_keeps_the_other_values_in_place():
    sample = node(2, "Sample", [("steps", "INT", 5)], [42, "fixed", 8, "y", 0.25])
    counter = node(3, "Sample", values=[1, "fixed", 1, "x", 1.0])
    inputs = convert(sample, counter, links=[[5, 3, 0, 2, 0, "INT"]])["2"]["inputs"]
    assert inputs == {"seed": 42, "steps": ["3", 0], "mode": "y", "amount": 0.25}


def test_widget_values_saved_by_name_are_read_by_name():
    prompt = convert(node(2, "Sample", values={"mode": "y", "seed": 7, "amount": 1.5, "steps": 3}))
    assert prompt["2"]["inputs"] == {"seed": 7, "steps": 3, "mode": "y", "amount": 1.5}


def test_a_widget_that_the_graph_does_not_know_yet_takes_its_default():
    assert convert(node(2, "Sample", values=[7, "fixed"]))["2"]["inputs"] == {"seed": 7, "steps": 20}


def test_a_list_value_is_not_mistaken_for_a_link():
    prompt = convert(node(1, "Load", values=[["a.png", 1], 1.0, "image", ""]))
    assert prompt["1"]["inputs"]["image"] == {"__value__": ["a.png", 1]}


OLD_LINK = [7, 1, 0, 9, 0, "IMAGE"]
NEW_LINK = {"id": 7, "origin_id": 1, "origin_slot": 0, "target_id": 9, "target_slot": 0, "type": "IMAGE"}


@pytest.mark.parametrize("link", [OLD_LINK, NEW_LINK])
def test_links_of_both_schemas_are_read(link):
    assert convert(LOAD, show(7), links=[link])["9"]["inputs"] == {"image": ["1", 0]}


def test_a_node_is_called_by_its_title_in_the_graph_or_its_display_name():
    titled = show(None) | {"id": 8, "title": "The result"}
    prompt = convert(show(None), titled)
    assert (prompt["9"]["_meta"]["title"], prompt["8"]["_meta"]["title"]) == ("Show Picture", "The result")


def test_notes_are_left_out():
    notes = [node(2, "Note", values=["text"]), node(3, "MarkdownNote", values=["text"])]
    assert set(convert(LOAD, *notes)) == {"1"}


def test_a_muted_node_vanishes_with_the_links_from_it():
    prompt = convert(LOAD | {"mode": 2}, show(7), links=[[7, 1, 0, 9, 0, "IMAGE"]])
    assert prompt == {"9": {"class_type": "Show", "inputs": {}, "_meta": {"title": "Show Picture"}}}


def test_a_bypassed_node_passes_on_its_input_of_the_same_type():
    inputs = [("points", "STRING", None), ("image", "IMAGE", 7)]
    sample = node(2, "Sample", inputs, [1, "fixed", 8, "y"], mode=4)
    prompt = convert(LOAD, sample, show(8), links=[[7, 1, 0, 2, 1, "IMAGE"], [8, 2, 0, 9, 0, "IMAGE"]])
    assert set(prompt) == {"1", "9"}
    assert prompt["9"]["inputs"] == {"image": ["1", 0]}


def test_a_bypassed_node_without_such_an_input_passes_nothing_on():
    prompt = convert(LOAD | {"mode": 4}, show(7), links=[[7, 1, 0, 9, 0, "IMAGE"]])
    assert prompt["9"]["inputs"] == {}


def test_reroutes_are_followed():
    first, second = node(2, "Reroute", [("", "*", 7)]), node(3, "Reroute", [("", "*", 8)])
    links = [[7, 1, 0, 2, 0, "*"], [8, 2, 0, 3, 0, "*"], [10, 3, 0, 9, 0, "IMAGE"]]
    prompt = convert(LOAD, first, second, show(10), links=links)
    assert set(prompt) == {"1", "9"}
    assert prompt["9"]["inputs"] == {"image": ["1", 0]}


def test_a_primitive_gives_its_value():
    sample = node(2, "Sample", [("steps", "INT", 5)], [42, "fixed", 8, "y"])
    primitive = node(3, "PrimitiveNode", values=[30, "fixed"])
    prompt = convert(sample, primitive, links=[[5, 3, 0, 2, 0, "INT"]])
    assert set(prompt) == {"2"}
    assert prompt["2"]["inputs"]["steps"] == 30


def test_an_unknown_node_is_named_with_its_pack_and_what_to_do():
    unknown = node(4, "Strange", title="My node", properties={"cnr_id": "strange-pack"})
    with pytest.raises(GraphError, match=r"Node 4, My node \(Strange\), is not .* strange-pack\. Install"):
        convert(unknown)


def test_a_subgraph_is_refused():
    graph = {"nodes": [node(5, "uuid-1", title="Group")], "definitions": {"subgraphs": [{"id": "uuid-1"}]}}
    with pytest.raises(GraphError, match="Group .* is a subgraph; unpack it"):
        to_prompt(graph, OBJECT_INFO)


def test_a_node_whose_inputs_depend_on_a_menu_is_refused():
    with pytest.raises(GraphError, match="Node 6, Menu, changes its inputs by a menu"):
        convert(node(6, "Menu", values=["a"]))


def test_a_circle_of_reroutes_is_refused():
    first, second = node(2, "Reroute", [("", "*", 8)]), node(3, "Reroute", [("", "*", 7)])
    links = [[7, 2, 0, 3, 0, "*"], [8, 3, 0, 2, 0, "*"], [9, 2, 0, 9, 0, "IMAGE"]]
    with pytest.raises(GraphError, match="run in a circle"):
        convert(first, second, show(9), links=links)


def test_a_link_from_nowhere_is_refused():
    with pytest.raises(GraphError, match="Node 9, Show, leads nowhere"):
        convert(show(7))
