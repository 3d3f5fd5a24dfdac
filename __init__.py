"""Attention Keypoints, a node pack for ComfyUI: the host's entry point, nothing else."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Give the host the pack's extension; only here are the nodes imported, which need the host."""
    from .nodes import AttentionKeypoints

    return AttentionKeypoints()
