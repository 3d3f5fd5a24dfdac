"""The pack's own socket types. What travels through them is a dataclass of the engine, but for poses."""

from comfy_api.latest import io

AttentionMapsSocket = io.Custom("ATTENTION_MAPS")
KeypointsSocket = io.Custom("KEYPOINTS")
KeypointTokensSocket = io.Custom("KEYPOINT_TOKENS")
# The host's own type, and controlnet_aux's.
PoseSocket = io.Custom("POSE_KEYPOINT")
LandmarksSocket = io.Custom("LANDMARKS")
