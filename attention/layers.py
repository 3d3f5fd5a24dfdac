"""Names of the sixteen cross-attentions of SD1.5's UNet, and which of them published work averages.

A name is the host's block and its number, "output.3". For a 512 x 512 picture the attentions of
input 1, 2 and output 9, 10, 11 are 64 x 64; of input 4, 5 and output 6, 7, 8 are 32 x 32; of input 7, 8
and output 3, 4, 5 are 16 x 16; of the middle 8 x 8.
"""

# In the order in which a forward pass meets them.
CROSS_ATTENTIONS = (
    *(f"input.{number}" for number in (1, 2, 4, 5, 7, 8)),
    "middle.0",
    *(f"output.{number}" for number in range(3, 12)),
)

# Hedlin et al. and Schofield et al.: up_blocks.1.attentions.0-2 and up_blocks.2.attentions.0 in diffusers' words.
PUBLISHED = ("output.3", "output.4", "output.5", "output.6")


def block_key(layer: str) -> tuple[str, int, int]:
    """The key under which the host looks for a patch of this layer: (block, number, transformer index)."""
    block, number = layer.split(".")
    return block, int(number), 0


def parse_layers(text: str) -> tuple[str, ...]:
    """Layer names out of a line such as "output.3, output.4", in forward order, each once.

    Raises ValueError with the known names when one is unknown or none is given.
    """
    wanted = text.replace(",", " ").split()
    unknown = [name for name in wanted if name not in CROSS_ATTENTIONS]
    if unknown or not wanted:
        found = f"no such layer: {', '.join(unknown)}" if unknown else "no layer was given"
        raise ValueError(
            f"Layers must be names of SD1.5's cross-attentions, but {found}. Known: {', '.join(CROSS_ATTENTIONS)}."
        )
    return tuple(name for name in CROSS_ATTENTIONS if name in wanted)
