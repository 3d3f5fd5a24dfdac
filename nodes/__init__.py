"""What a person drags: schemas and calls into the engine, no maths."""

from comfy_api.latest import ComfyExtension, io


class AttentionKeypointsExtension(ComfyExtension):
    """The pack as the host sees it: the list of its nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return []
