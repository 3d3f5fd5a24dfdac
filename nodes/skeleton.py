"""Node that says which keypoints are joined by limbs."""

from dataclasses import replace

from comfy_api.latest import io

from ..keypoints.limbs import limbs_by_name, limbs_from_text
from ..keypoints.spanning_tree import spanning_tree
from .sockets import KeypointsSocket

BY_NAME, TREE, OWN, NONE = "by name", "minimum spanning tree", "own limbs", "none"


class SetSkeleton(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsSetSkeleton",
            display_name="Set Skeleton",
            category="keypoints",
            description="Joins keypoints by limbs: those of a known skeleton, ones found from the points, or your own.",
            search_aliases=["limbs", "edges", "bones", "COCO", "OpenPose", "spanning tree", "connect points"],
            inputs=[
                KeypointsSocket.Input("keypoints", tooltip="Of one picture or of many."),
                io.Combo.Input(
                    "skeleton", options=[BY_NAME, TREE, OWN, NONE], default=BY_NAME,
                    tooltip="By name: OpenPose 18, COCO 17 or the demo's figures, as they fit. Minimum spanning tree: "
                    "for points without names, joins what stays equally far apart. Own limbs: as written below.",
                ),
                io.String.Input(
                    "limbs", default="", multiline=True, placeholder="left_hip - left_knee - left_ankle",
                    tooltip="For own limbs: one limb or chain of limbs to a line, inner point first.",
                ),
            ],
            outputs=[KeypointsSocket.Output("keypoints", tooltip="The same points with these limbs.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, keypoints, skeleton, limbs=""):
        if skeleton == BY_NAME:
            chosen = limbs_by_name(keypoints.names)
        elif skeleton == TREE:
            chosen = spanning_tree(keypoints)
        else:
            chosen = limbs_from_text(limbs, keypoints.names) if skeleton == OWN else ()
        return io.NodeOutput(replace(keypoints, skeleton=chosen))
