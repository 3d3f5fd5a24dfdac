"""The help pages, as a person meets them: in the front end, beside a node."""

import re

import pytest

WORD = re.compile(r"^- \*\*(\w+)\*\*:", re.MULTILINE)


@pytest.fixture
def opened(front_end):
    return front_end(True)


def test_every_node_has_a_page_that_names_its_inputs_and_outputs(opened):
    nodes = {id: node for id, node in opened.object_info().items() if id.startswith("Keypoints")}
    assert len(nodes) > 0
    for id, node in nodes.items():
        pack = node["python_module"].removeprefix("custom_nodes.")
        page = opened.page.evaluate("(path) => fetch(path).then((answer) => answer.ok ? answer.text() : '')",
                                    f"/extensions/{pack}/docs/{id}.md")  # fmt: skip
        sockets = [name for group in ("required", "optional") for name in node["input"].get(group, {})]
        assert page.startswith(f"# {node['display_name']}\n"), id
        assert WORD.findall(page) == [*sockets, *node["output_name"]], id


def test_the_page_of_a_node_opens_from_its_info_button(opened):
    opened.page.evaluate(
        """() => {
            const node = LiteGraph.createNode('KeypointsDraw');
            node.pos = [300, 300];
            app.graph.add(node);
            app.canvas.selectNode(node);
        }"""
    )
    opened.page.get_by_test_id("info-button").click()
    opened.page.get_by_text("Points that cannot be seen are hollow.").wait_for()
