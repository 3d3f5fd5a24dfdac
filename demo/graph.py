"""Turns a graph in the front end's own format (workflows/*.json) into the form that ComfyUI's API takes.

It follows what the front end does when Run is pressed: widget values get their names from /object_info, muted
nodes vanish, bypassed nodes pass their inputs on, reroutes are followed, primitives become values, notes are
left out.
"""

from collections.abc import Iterator

MUTED, BYPASSED = 2, 4
NOTES = ("Note", "MarkdownNote")
VIRTUAL = (*NOTES, "Reroute", "PrimitiveNode")
# The types for which the front end makes a widget; every other type is a socket.
WIDGET_TYPES = {
    "INT", "FLOAT", "BOOLEAN", "STRING", "COMBO", "MARKDOWN", "TEXTAREA", "COLOR", "COLORS", "CURVE", "RANGE",
    "BOUNDING_BOX", "BOUNDING_BOXES", "IMAGECOMPARE", "CHART", "GALLERIA", "PAINTER",
    "KEYPOINT_LABELS",  # this pack's annotator
}  # fmt: skip
UPLOADS = ("image_upload", "video_upload", "animated_image_upload", "mesh_upload")
UNSUPPORTED = "COMFY_DYNAMICCOMBO_V3"


class GraphError(ValueError):
    """The graph cannot be run by this host; the message says which node and what to do."""


def to_prompt(graph: dict, object_info: dict[str, dict]) -> dict[str, dict]:
    """Return the graph in API form: {node id: {"class_type", "inputs", "_meta"}}.

    graph: as saved by the front end (schema 0.4 or 1). object_info: the host's answer to /object_info.
    Raises GraphError for nodes the host does not have, for subgraphs, and for links that lead nowhere.
    """
    nodes = {node["id"]: node for node in graph["nodes"]}
    links = dict(_link(link) for link in graph.get("links") or [])
    subgraphs = {definition["id"] for definition in graph.get("definitions", {}).get("subgraphs", [])}
    prompt = {}
    for node in graph["nodes"]:
        if node["type"] in VIRTUAL or node.get("mode") in (MUTED, BYPASSED):
            continue
        if node["type"] in subgraphs:
            raise GraphError(f"{_name(node)} is a subgraph; unpack it in the editor and save again.")
        if node["type"] not in object_info:
            raise GraphError(_missing(node))
        definition = object_info[node["type"]]
        inputs = _widget_values(node, definition)
        for slot in node.get("inputs") or []:
            source = _Source(nodes, links).of_input(slot.get("link"), slot["type"], node)
            if source is not None:
                inputs[slot["name"]] = source
        title = node.get("title") or definition.get("display_name") or node["type"]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": {"title": title}}
    return prompt


class _Source:
    """Follows links backwards to the node, or the primitive's value, that really feeds an input."""

    def __init__(self, nodes: dict, links: dict):
        self.nodes, self.links = nodes, links
        self.seen = set()

    def of_input(self, link: int | None, wanted: str, node: dict):
        """Return [node id, output index], a plain value, or None where nothing arrives."""
        if link is None:
            return None
        if link in self.seen:
            raise GraphError(f"The links into {_name(node)} run in a circle; remove one of them.")
        self.seen.add(link)
        if link not in self.links or self.links[link][0] not in self.nodes:
            raise GraphError(f"A link into {_name(node)} leads nowhere; connect it again and save the graph.")
        origin_id, output = self.links[link]
        origin = self.nodes[origin_id]
        if origin.get("mode") == MUTED or origin["type"] in NOTES:
            return None
        if origin["type"] == "Reroute":
            return self.of_input(origin["inputs"][0].get("link"), wanted, origin)
        if origin.get("mode") == BYPASSED:
            slot = _bypass_slot(origin, output, wanted)
            return None if slot is None else self.of_input(slot.get("link"), slot["type"], origin)
        if origin["type"] == "PrimitiveNode":
            return _value(origin["widgets_values"][0])
        return [str(origin_id), output]


def _link(link: list | dict) -> tuple[int, tuple[int, int]]:
    """(link id, (origin node, output index)) of a link in either schema."""
    if isinstance(link, dict):
        return link["id"], (link["origin_id"], link["origin_slot"])
    return link[0], (link[1], link[2])


def _bypass_slot(node: dict, output: int, wanted: str) -> dict | None:
    """The input that stands in for a bypassed node's output: at the same place if it fits, else the first."""
    inputs = node.get("inputs") or []
    if wanted in ("*", "") and inputs:
        return inputs[output] if output < len(inputs) else inputs[0]
    if output < len(inputs) and _fits(inputs[output]["type"], wanted):
        return inputs[output]
    exact = [slot for slot in inputs if slot["type"] == wanted]
    loose = [slot for slot in inputs if _fits(slot["type"], wanted)]
    return next(iter(exact + loose), None)


def _fits(given: str, wanted: str) -> bool:
    return "*" in (given, wanted) or bool(set(str(given).split(",")) & set(str(wanted).split(",")))


def _widget_values(node: dict, definition: dict) -> dict:
    """The values of a node's widgets by name; what the graph does not say takes the node's default."""
    saved = node.get("widgets_values") or []
    values = {}
    for index, (name, options) in enumerate(_widgets(node, definition)):
        if name is None:
            continue
        if isinstance(saved, dict):
            known, value = name in saved, saved.get(name)
        else:
            known = index < len(saved) and saved[index] is not None
            value = saved[index] if known else None
        if known:
            values[name] = _value(value)
        elif "default" in options:
            values[name] = _value(options["default"])
    return values


def _widgets(node: dict, definition: dict) -> Iterator[tuple[str | None, dict]]:
    """(name, options) of each widget in the order of widgets_values; no name: the API does not take it."""
    for group in ("required", "optional"):
        specs = definition["input"].get(group, {})
        upload = False
        for name in definition.get("input_order", {}).get(group, specs):
            kind, options = specs[name][0], (specs[name][1] if len(specs[name]) > 1 else {})
            combo = isinstance(kind, list) or kind == "COMBO"
            if kind == UNSUPPORTED:
                raise GraphError(f"{_name(node)} changes its inputs by a menu; run this graph in the editor.")
            if options.get("forceInput") or not (combo or options.get("widgetType", kind) in WIDGET_TYPES):
                continue
            yield name, options
            upload = upload or any(options.get(key) for key in UPLOADS)
            control = options.get("control_after_generate")
            if control or (control is None and kind == "INT" and name in ("seed", "noise_seed")):
                yield None, {}  # fixed, increment, decrement or randomize
                if combo:
                    yield None, {}  # its filter
        if group == "required" and upload:
            yield None, {}  # the upload button


def _value(value):
    """Lists are wrapped, because a bare list means a link in the API."""
    return {"__value__": value} if isinstance(value, list) else value


def _name(node: dict) -> str:
    title = node.get("title")
    kind = f"{title} ({node['type']})" if title and title != node["type"] else node["type"]
    return f"Node {node['id']}, {kind},"


def _missing(node: dict) -> str:
    pack = (node.get("properties") or {}).get("cnr_id")
    source = f" It comes from the pack {pack}." if pack and pack != "comfy-core" else ""
    return (
        f"{_name(node)} is not known to this ComfyUI.{source} "
        "Install or update the pack that has it, or look into ComfyUI's log for why that pack did not load."
    )
