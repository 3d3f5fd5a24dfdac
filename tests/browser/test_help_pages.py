"""The help pages, as a person meets them: in the front end, beside a node."""

import re
from urllib.request import urlopen

WORD = re.compile(r"^- \*\*(\w+)\*\*:", re.MULTILINE)
DRAW = {
    "last_node_id": 1, "last_link_id": 0, "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4,
    "nodes": [
        {
            "id": 1, "type": "KeypointsDraw", "pos": [300, 300], "size": [300, 200], "flags": {}, "order": 0,
            "mode": 0, "inputs": [], "outputs": [], "properties": {}, "widgets_values": [],
        },
    ],
}  # fmt: skip


def test_every_node_has_a_page_that_names_its_inputs_and_outputs(host, object_info):
    nodes = {id: node for id, node in object_info.items() if id.startswith("Keypoints")}
    assert len(nodes) > 0
    for id, node in nodes.items():
        pack = node["python_module"].removeprefix("custom_nodes.")
        with urlopen(f"{host.url}/extensions/{pack}/docs/{id}.md") as answer:
            page = answer.read().decode("utf-8")
        sockets = [name for group in ("required", "optional") for name in node["input"].get(group, {})]
        assert page.startswith(f"# {node['display_name']}\n"), id
        assert WORD.findall(page) == [*sockets, *node["output_name"]], id


def test_the_page_of_a_node_opens_from_its_info_button(page_of_its_own):
    opened = page_of_its_own
    opened.load(DRAW, "draw")
    opened.page.evaluate("app.canvas.selectNode(app.graph.getNodeById(1))")
    opened.page.get_by_test_id("info-button").click()
    opened.page.get_by_text("Points that cannot be seen are hollow.").wait_for()
