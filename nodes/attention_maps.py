"""Nodes that read cross-attention maps, show them over the picture, and make masks of them."""

from comfy_api.latest import io, ui

from ..attention import heat, mask, overlay
from ..attention.layers import parse_layers
from ..attention.timesteps import DEFAULT_T, LAST_T
from .inputs import LAYERS, layers_input, longest_side_input
from .reading import read_attention
from .sockets import AttentionMapsSocket

CATEGORY = "keypoints/attention"
TOKENS_TOOLTIP = 'Names or numbers of the tokens to use, with commas: "hat, left glove" or "0, 3". Empty: all.'
NORMALISE_TOOLTIP = (
    "What the colours span: each map from its own lowest to its highest value; shared by all maps of a picture; "
    "or absolute, 0 to 1 as shares of the attention."
)


class CrossAttentionMaps(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsCrossAttentionMaps",
            display_name="Cross-Attention Maps",
            category=CATEGORY,
            description=(
                "Shows where an SD1.5 model looks in any picture, generated or not, for each word of a prompt: "
                "the cross-attention, averaged over heads and layers. Connect a conditioning, or CLIP and a text "
                "for one map per word."
            ),
            search_aliases=["attention", "DAAM", "heatmap", "attribution", "cross attention"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 model. It is read, never changed."),
                io.Vae.Input("vae", tooltip="The VAE of the same checkpoint."),
                io.Image.Input("image", tooltip="Any pictures, of any size and aspect ratio."),
                io.Conditioning.Input(
                    "conditioning", optional=True, tooltip="What to look for: one map for each of its rows."
                ),
                io.Clip.Input(
                    "clip", optional=True, tooltip="With a text: encodes it, or names the rows of the conditioning."
                ),
                io.String.Input(
                    "text", optional=True, multiline=True, default="", tooltip="With CLIP: one map for each word."
                ),
                io.Int.Input(
                    "timestep", default=DEFAULT_T, min=0, max=LAST_T, optional=True,
                    tooltip="t: how much noise is added before looking, 0 to 999. Parts are found best at 200 to 400; "
                    "the paper of unsupervised keypoints (Hedlin et al., 2024) reads at 0.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**63 - 1, optional=True, advanced=True,
                    # A seed that changes by itself would read the same maps again at every run.
                    control_after_generate=False,
                    tooltip="Of the noise that is added at the timestep.",
                ),
                io.Int.Input(
                    "map_size", default=128, min=8, max=512, optional=True, advanced=True,
                    tooltip="R: longer side of the maps. The papers use 128.",
                ),
                longest_side_input(),
                layers_input(),
            ],
            outputs=[
                AttentionMapsSocket.Output("maps", tooltip="One map per token or word, with its name."),
                io.Image.Output("overlay", tooltip="A sheet per picture: the picture, then every map over it."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, vae, image, conditioning=None, clip=None, text="", timestep=DEFAULT_T, seed=0, map_size=128,
        longest_side=512, layers=LAYERS,
    ):  # fmt: skip
        maps = read_attention(
            model, vae, image, conditioning, clip, text, t=timestep, seed=seed, longest_map=map_size,
            longest_picture=longest_side, layers=parse_layers(layers),
        )  # fmt: skip
        return io.NodeOutput(maps, overlay.overlay_maps(image, maps.maps, maps.names))


class AttentionMapOverlay(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsAttentionOverlay",
            display_name="Attention Map Overlay",
            category=CATEGORY,
            description="Lays attention maps over their pictures as heat, with names and a legend.",
            search_aliases=["heatmap", "attention overlay", "DAAM"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures that the maps were read from, or one for all."),
                AttentionMapsSocket.Input("maps", tooltip="From Cross-Attention Maps."),
                io.String.Input("tokens", default="", tooltip=TOKENS_TOOLTIP),
                io.Combo.Input(
                    "layout", options=list(overlay.LAYOUTS), default=overlay.GRID,
                    tooltip="One sheet per picture with all tokens, or one picture for each token.",
                ),
                io.Combo.Input(
                    "normalise", options=list(heat.NORMALISATIONS), default=heat.EACH_MAP, tooltip=NORMALISE_TOOLTIP
                ),
                io.Float.Input(
                    "opacity", default=0.8, min=0, max=1, step=0.05,
                    tooltip="Of the heat where a map is highest; where it is low the picture shows.",
                ),
                io.Boolean.Input("mark_peak", default=False, tooltip="A ring around the highest place of each map."),
                io.Boolean.Input("legend", default=True, tooltip="A colour bar with its values beneath."),
            ],
            outputs=[io.Image.Output("overlay")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, maps, tokens, layout, normalise, opacity, mark_peak, legend):
        chosen = maps.pick(heat.pick_tokens(maps.names, tokens))
        drawn = overlay.overlay_maps(
            image, chosen.maps, chosen.names, layout=layout, normalise=normalise, opacity=opacity,
            mark_peak=mark_peak, legend=legend,
        )  # fmt: skip
        return io.NodeOutput(drawn)


class AttentionMapToMask(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="KeypointsAttentionToMask",
            display_name="Attention Map to Mask",
            category=CATEGORY,
            description="Turns the attention of chosen words into a mask, for inpainting, cropping or composing.",
            search_aliases=["attention mask", "text to mask", "prompt mask"],
            inputs=[
                io.Image.Input("image", tooltip="Gives the mask its size."),
                AttentionMapsSocket.Input("maps", tooltip="From Cross-Attention Maps."),
                io.String.Input("tokens", default="", tooltip=TOKENS_TOOLTIP),
                io.Combo.Input(
                    "combine", options=list(mask.COMBINATIONS), default=mask.MAXIMUM,
                    tooltip="Of several tokens: the highest value at each place, or the mean.",
                ),
                io.Combo.Input(
                    "normalise", options=list(heat.NORMALISATIONS), default=heat.EACH_MAP, tooltip=NORMALISE_TOOLTIP
                ),
                io.Float.Input(
                    "threshold", default=0.5, min=0, max=1, step=0.01,
                    tooltip="The mask is white where the value is at least this. 0: a soft mask.",
                ),
            ],
            outputs=[io.Mask.Output("mask")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, maps, tokens, combine, normalise, threshold):
        made = mask.maps_to_mask(
            maps.maps, maps.names, tokens, tuple(image.shape[1:3]), combine=combine, normalise=normalise,
            threshold=threshold or None,
        )  # fmt: skip
        return io.NodeOutput(made, ui=ui.PreviewMask(made, cls=cls))
