"""Nodes between keypoints and the poses that the host's pose nodes, controlnet_aux and ControlNets read."""

from comfy_api.latest import io

from ..keypoints.joint_map import read_joints, write_joints
from ..keypoints.pose import add_people, from_pose, to_pose
from ..keypoints.pose_image import draw_pose
from .sockets import KeypointsSocket, PoseSocket

CATEGORY = "keypoints/pose"


class KeypointsToPose(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsToPose",
            display_name="Keypoints to Pose",
            category=CATEGORY,
            description=(
                "Turns keypoints into OpenPose poses and draws the picture that an OpenPose ControlNet takes. Each "
                "keypoint becomes the joint of its name; the names can be given here."
            ),
            search_aliases=["openpose", "controlnet pose", "DWPose", "POSE_KEYPOINT", "skeleton", "stick figure"],
            inputs=[
                KeypointsSocket.Input("keypoints", tooltip="One person in each picture."),
                io.String.Input(
                    "joints", default="", multiline=True, placeholder="my name = right_wrist",
                    tooltip="Which keypoint is which joint of OpenPose, a line for each whose name does not say it. "
                    "Nothing after the = leaves the keypoint out. Joints: nose, neck, and with right_ or left_ "
                    "before: shoulder, elbow, wrist, hip, knee, ankle, eye, ear.",
                ),
                io.Int.Input(
                    "width", default=512, min=1, max=16384, tooltip="Of the control image, if no image is connected."
                ),
                io.Int.Input(
                    "height", default=512, min=1, max=16384, tooltip="Of the control image, if no image is connected."
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="Pictures whose size the control image should have, such as those of the keypoints.",
                ),
                PoseSocket.Input(
                    "pose", optional=True,
                    tooltip="Other people in the same pictures, from another Keypoints to Pose or a pose detector.",
                ),
                io.Boolean.Input(
                    "hidden", default=False, optional=True, advanced=True,
                    tooltip="Draw points that are marked as hidden, too. Otherwise their limbs are missing.",
                ),
                io.Float.Input(
                    "min_score", default=0.0, min=0, max=1, step=0.01, optional=True, advanced=True,
                    tooltip="Leave out points whose confidence is below this.",
                ),
                io.Float.Input(
                    "line_width", default=0.0, min=0, max=200, step=0.5, optional=True, advanced=True,
                    tooltip="Pixels across a limb. 0: 9 at 512 x 512, what ControlNets were trained on, and in "
                    "proportion at other sizes.",
                ),
            ],
            outputs=[
                PoseSocket.Output("pose", tooltip="For pose nodes of ComfyUI and of controlnet_aux."),
                io.Image.Output("control_image", tooltip="The control image for an OpenPose ControlNet."),
                io.String.Output("joints", tooltip="Which keypoint became which joint, as the input has it."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, keypoints, joints, width, height, image=None, pose=None, hidden=False, min_score=0.0, line_width=0.0
    ):
        if image is not None:
            height, width = image.shape[1:3]
        joint_of = read_joints(joints, keypoints.names)
        frames = to_pose(keypoints, joint_of, width, height, hidden=hidden, min_score=min_score)
        if pose is not None:
            frames = add_people(frames, pose)
        drawn = draw_pose(frames, line_width=line_width or None)
        return io.NodeOutput(frames, drawn, write_joints(joint_of, keypoints.names))


class KeypointsFromPose(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsFromPose",
            display_name="Pose to Keypoints",
            category=CATEGORY,
            description="Takes one person's body out of OpenPose poses, as 18 keypoints.",
            search_aliases=["openpose", "DWPose", "POSE_KEYPOINT", "import pose"],
            inputs=[
                PoseSocket.Input("pose", tooltip="From a pose detector of ComfyUI or controlnet_aux."),
                io.Int.Input(
                    "person", default=0, min=0, max=9_999,
                    tooltip="Which person of each picture, from 0, in the order of the pose.",
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="The pictures of the pose: checks number and proportions, and gives their size if the pose "
                    "does not say it.",
                ),
            ],
            outputs=[KeypointsSocket.Output("keypoints", tooltip="The 18 joints of OpenPose, in every picture.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, pose, person, image=None):
        size = None if image is None else (image.shape[2], image.shape[1])
        return io.NodeOutput(from_pose(pose, person, size=size, count=None if image is None else len(image)))
