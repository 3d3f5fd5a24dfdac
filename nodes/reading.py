"""From what is plugged into Cross-Attention Maps to the engine's call."""

from ..attention import host
from ..attention.maps import AttentionMaps, map_size
from ..attention.pictures import readable_pictures
from ..attention.reader import read_maps
from ..attention.words import maps_of_words, named_maps, words_of_pieces
from .conditioning import read_conditioning


def read_attention(
    model, vae, image, conditioning, clip, text, *, t, seed, longest_map, longest_picture, layers
) -> AttentionMaps:
    """The maps of every picture for a conditioning, a text, or a conditioning whose rows a text names."""
    host.require_sd1(model)
    words = None
    if clip is not None and text.strip():
        encoded, pieces = host.encode_text(clip, text)
        word_of_row, words = words_of_pieces(pieces)
    if conditioning is not None:
        context, names = read_conditioning(conditioning)
    elif words is not None:
        context = encoded
    else:
        raise ValueError("Nothing to look for: connect a conditioning, or CLIP and type a text.")
    pictures = readable_pictures(image, longest_picture)
    if len(context) not in (1, len(pictures)):
        raise ValueError(
            f"The conditioning holds {len(context)} contexts for {len(pictures)} pictures; it needs one for all or "
            "one for each."
        )
    latents = host.encode_pictures(model, vae, pictures)
    progress = host.Progress(len(latents))

    def read(batch):
        with host.open_unet(model, (min(batch, len(latents)), *latents.shape[1:])) as unet:
            return read_maps(
                unet, latents, context, size=map_size(image.shape[1:3], longest_map), t=t, seed=seed, layers=layers,
                batch=batch, on_batch=progress,
            )  # fmt: skip

    maps = host.with_smaller_chunks(read, start=4, least=1)
    return maps_of_words(maps, word_of_row, words) if words is not None else named_maps(maps, names)
