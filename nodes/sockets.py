"""The pack's own socket types. What travels through them is a dataclass of the engine."""

from comfy_api.latest import io

AttentionMapsSocket = io.Custom("ATTENTION_MAPS")
KeypointsSocket = io.Custom("KEYPOINTS")
KeypointTokensSocket = io.Custom("KEYPOINT_TOKENS")
LandmarksSocket = io.Custom("LANDMARKS")
