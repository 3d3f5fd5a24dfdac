"""What a person drags: schemas, one call into the engine, outputs."""

from comfy_api.latest import ComfyExtension

from .attention_maps import AttentionMapOverlay, AttentionMapToMask, CrossAttentionMaps
from .demo import DemoPictures, DemoPrompt, LoadDemoModel
from .detect_keypoints import DetectKeypoints
from .draw_keypoints import DrawKeypoints
from .evaluate import EvaluateKeypoints
from .keypoint_files import LoadKeypoints, SaveKeypoints
from .label_keypoints import LabelKeypoints
from .landmarks import ApplyLandmarks, FitLandmarks
from .learn_from_labels import LearnKeypointsFromLabels
from .learn_keypoints import LearnKeypoints
from .load_labels import LoadKeypointLabels
from .pose import KeypointsFromPose, KeypointsToPose
from .skeleton import SetSkeleton
from .smooth_keypoints import SmoothKeypoints
from .token_files import LoadKeypointTokens, SaveKeypointTokens


class AttentionKeypoints(ComfyExtension):
    async def get_node_list(self):
        return [
            CrossAttentionMaps,
            AttentionMapOverlay,
            AttentionMapToMask,
            DrawKeypoints,
            LearnKeypoints,
            LabelKeypoints,
            LearnKeypointsFromLabels,
            DetectKeypoints,
            LoadKeypointLabels,
            LoadDemoModel,
            DemoPictures,
            DemoPrompt,
            EvaluateKeypoints,
            FitLandmarks,
            ApplyLandmarks,
            KeypointsToPose,
            KeypointsFromPose,
            SaveKeypoints,
            LoadKeypoints,
            SaveKeypointTokens,
            LoadKeypointTokens,
            SetSkeleton,
            SmoothKeypoints,
        ]
