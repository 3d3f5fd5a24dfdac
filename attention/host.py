"""ComfyUI: the one module that touches `comfy`. Loads the user's model under the host's memory management,
runs its UNet up to the layers that are wanted, and leaves it as it was.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

import comfy.cli_args
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.utils
import torch
from comfy.ldm.modules.attention import attention_pytorch, attention_sub_quad, optimized_attention

from .recorder import EarlyExit, Recorder
from .timesteps import check_timestep

# What a backward pass up to output 6 keeps, measured at SD1.5's width: 0.33 GiB in two bytes a number for a
# 64 x 64 latent; it grows with the number of latent pixels and with the width of the model.
KEPT_BYTES_PER_LATENT_PIXEL = 0.33 * 2**30 / 64**2 / 2
SD15_WIDTH = 320


def require_sd1(model) -> None:
    """Raises ValueError, naming what came, unless `model` is a MODEL with an SD1.x text-to-image UNet."""
    base = getattr(model, "model", None)
    if not isinstance(base, comfy.model_base.BaseModel):
        raise ValueError(f"Expected a MODEL with an SD1.5 UNet; got {type(model).__name__}.")
    config = base.model_config
    unet = config.unet_config
    if not isinstance(config, comfy.supported_models.SD15) or unet.get("context_dim") != 768:
        raise ValueError(
            f"These nodes read the cross-attention of SD1.x models; this MODEL is {type(config).__name__}. "
            "Load an SD1.5 checkpoint."
        )
    channels = base.diffusion_model.in_channels
    if channels != 4:
        raise ValueError(
            f"Expected an SD1.5 text-to-image model with 4 latent channels; this one takes {channels} "
            "(an inpainting or editing model). Load a plain SD1.5 checkpoint."
        )


@contextlib.contextmanager
def open_unet(model, latent_shape, *, gradients: bool = False, head_bytes: int = 0) -> Iterator["Unet"]:
    """The UNet of a MODEL, loaded and ready to be read; released on any way out, cancel included.

    latent_shape  [B, 4, h, w] of the largest pass, for the memory estimate
    gradients     load completely and statically, and refuse otherwise: with partial loading or dynamic
                  VRAM gradients come out wrong without a word
    head_bytes    what the caller keeps on the device besides the UNet (maps, chunks)
    """
    require_sd1(model)
    patcher = model.clone(disable_dynamic=True) if gradients and model.is_dynamic() else model.clone()
    needed = patcher.memory_required(list(latent_shape)) + head_bytes
    if gradients:
        needed += kept_bytes(patcher, latent_shape)
    comfy.model_management.load_models_gpu([patcher], memory_required=needed, force_full_load=gradients)
    patcher.pre_run()
    try:
        if gradients:
            _require_full_static_load(patcher)
            with torch.inference_mode(False), torch.enable_grad():
                _leave_inference_mode(patcher)
                yield Unet(patcher, gradients)
        else:
            with torch.no_grad():
                yield Unet(patcher, gradients)
    finally:
        patcher.cleanup()


def kept_bytes(patcher, latent_shape) -> int:
    """What a backward pass keeps of the forward pass, in bytes, by the figures measured at SD1.5's size."""
    batch, _, height, width = latent_shape
    share = patcher.model.diffusion_model.model_channels / SD15_WIDTH
    itemsize = torch.empty((), dtype=patcher.model.get_dtype_inference()).element_size()
    return int(KEPT_BYTES_PER_LATENT_PIXEL * itemsize * share * batch * height * width)


def _require_full_static_load(patcher):
    if patcher.is_dynamic():
        raise RuntimeError(
            "Learning needs the model loaded statically, but the host kept its dynamic VRAM mode. "
            "Start ComfyUI with --disable-dynamic-vram."
        )
    unet = patcher.model.diffusion_model
    elsewhere = {str(p.device) for p in unet.parameters() if p.device != patcher.load_device}
    streamed = [module for module in unet.modules() if getattr(module, "weight_function", None)]
    if elsewhere or streamed or getattr(patcher.model, "model_lowvram", False):
        raise RuntimeError(
            f"Learning needs the whole UNet on {patcher.load_device}, but ComfyUI loaded it only in part"
            f"{' (rest on ' + ', '.join(sorted(elsewhere)) + ')' if elsewhere else ''}. Free memory: unload other "
            "models, use fewer or smaller pictures at once, or start ComfyUI without --lowvram and --novram."
        )


def _leave_inference_mode(patcher):
    """Weights that were made in inference mode cannot be saved for backward; the same numbers as fresh ones can."""
    for module in patcher.model.diffusion_model.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None and parameter.is_inference():
                module._parameters[name] = torch.nn.Parameter(parameter.detach().clone(), requires_grad=False)


class Unet:
    """An opened UNet. Only `open_unet` makes one."""

    def __init__(self, patcher, gradients):
        self._model = patcher.model
        self._sampling = patcher.get_model_object("model_sampling")
        self._options = patcher.model_options.get("transformer_options", {}).copy()
        self.device = patcher.load_device
        self.dtype = patcher.model.get_dtype_inference()
        if gradients:  # flash and sage attention have no backward
            self._options["optimized_attention_override"] = _attention_of_pytorch
        elif self.device.type == "cpu" and _nobody_chose_the_attention():
            # What the host takes on a CPU writes products of queries and keys down: 6 times the memory and 1.3 times
            # the time of two 512 pictures (benchmarks/speed.py, read-sd15).
            self._options.setdefault("optimized_attention_override", _attention_of_pytorch)

    def recorder(self, layers: tuple[str, ...], **options) -> Recorder:
        return Recorder(layers, _host_attention, **options)

    def run(self, latents: torch.Tensor, noise: torch.Tensor, t: int, context: torch.Tensor, recorder: Recorder):
        """One forward pass of latents [B, 4, h, w] (as `encode_pictures` gives them) noised to timestep t,
        with context [B or 1, N, 768], into the recorder. Returns the denoised latents when the recorder
        does not stop early, else None.
        """
        batch = latents.shape[0]
        steps = torch.full((batch,), float(check_timestep(t)), device=self.device)
        # Cloned: a schedule may hand out a piece of its own tensor, and one of inference mode has no backward.
        exact = {"device": self.device, "dtype": torch.promote_types(self.dtype, torch.float32)}
        sigma = self._sampling.sigma(steps).clone().to(**exact)
        x = latents.to(**exact) + sigma.view(-1, 1, 1, 1) * noise.to(**exact)
        context = context.to(self.device)
        if context.shape[0] != batch:
            context = context.expand(batch, -1, -1)
        options = recorder.patched(self._options)
        options |= {"cond_or_uncond": [recorder.condition], "sigmas": sigma, "sample_sigmas": sigma, "uuids": [None]}
        try:
            return self._model.apply_model(x, sigma, c_crossattn=context, transformer_options=options)
        except EarlyExit:
            return None


def _host_attention(q, k, v, heads, extra_options):
    return optimized_attention(
        q, k, v, heads, attn_precision=extra_options.get("attn_precision"), transformer_options=extra_options
    )


def _attention_of_pytorch(_attention, *args, **kwargs):
    return attention_pytorch(*args, **kwargs)


def _nobody_chose_the_attention() -> bool:
    """The host runs the attention that it takes for want of a better one, and no flag asked it to."""
    return optimized_attention is attention_sub_quad and not comfy.cli_args.args.use_quad_cross_attention


def encode_pictures(model, vae, pictures: torch.Tensor) -> torch.Tensor:
    """[B, 4, H / 8, W / 8] float32 latents, scaled as the UNet takes them, of pictures [B, H, W, 3] in 0..1."""
    require_sd1(model)
    with torch.no_grad():
        latents = vae.encode(pictures)
    expected = (len(pictures), 4, pictures.shape[1] // 8, pictures.shape[2] // 8)
    if tuple(latents.shape) != expected:
        raise ValueError(
            f"Expected the VAE of an SD1.5 model, which makes latents of shape {list(expected)} of these pictures; "
            f"this VAE made {list(latents.shape)}. Connect the VAE output of the same checkpoint as the model."
        )
    if not torch.isfinite(latents).all():
        raise ValueError("The VAE made latents that are not numbers (NaN). Start ComfyUI with --fp32-vae.")
    return model.get_model_object("latent_format").process_in(latents).float()


class Source:
    """A MODEL and a VAE of the host, as the learners and the detector of the engine take them."""

    def __init__(self, model, vae):
        require_sd1(model)
        self.model, self.vae = model, vae

    @property
    def model_channels(self) -> int:
        """Width of the UNet: 320 for SD1.5, other numbers for models that are only shaped like it."""
        return self.model.model.diffusion_model.model_channels

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        return encode_pictures(self.model, self.vae, pictures)

    def open(self, latent_shape, *, gradients: bool = False, head_bytes: int = 0):
        return open_unet(self.model, latent_shape, gradients=gradients, head_bytes=head_bytes)


def decode_latents(model, vae, latents: torch.Tensor) -> torch.Tensor:
    """[B, H, W, 3] pictures in 0..1 of latents as the UNet takes them."""
    return vae.decode(model.get_model_object("latent_format").process_out(latents))


def encode_text(clip, text: str) -> tuple[torch.Tensor, list[str | None]]:
    """(context [1, 77 n, 768], the piece of text behind each row, None for start, end and padding rows)."""
    tokens = clip.tokenize(text)
    if set(tokens) != {"l"}:
        raise ValueError("Expected the CLIP of an SD1.5 checkpoint; this one belongs to another model family.")
    tokenizer = clip.tokenizer.clip_l
    special = set(tokenizer.tokenizer("")["input_ids"])
    pieces = [
        # A textual-inversion embedding stands as its vector; it has no spelling, but it is a word.
        (None if token in special else tokenizer.inv_vocab.get(token)) if isinstance(token, int) else "embedding</w>"
        for chunk in tokens["l"]
        for token, *_ in chunk
    ]
    return clip.encode_from_tokens(tokens), pieces


def check_cancel() -> None:
    """Raises the host's InterruptProcessingException (a BaseException) when the user has pressed Cancel."""
    comfy.model_management.throw_exception_if_processing_interrupted()


class Progress:
    """The host's progress bar; every step also lets Cancel through. `preview` is a PIL picture."""

    def __init__(self, total: int):
        self._bar = comfy.utils.ProgressBar(total)
        self._total = total

    def __call__(self, done: int, preview=None) -> None:
        check_cancel()
        self._bar.update_absolute(done, self._total, ("JPEG", preview, 512) if preview is not None else None)


def with_smaller_chunks(work: Callable[[int], object], start: int, least: int):
    """work(chunk), again with half the chunk each time the device runs out of memory, down to `least`."""
    chunk = start
    while True:
        try:
            return work(chunk)
        except Exception as error:
            comfy.model_management.raise_non_oom(error)
            if chunk <= least:
                raise RuntimeError(
                    "The device ran out of memory even with the smallest pieces. Use smaller pictures, fewer tokens, "
                    "or unload other models."
                ) from error
        # Outside the except block: while it stands, the traceback keeps the failed tensors alive.
        comfy.model_management.soft_empty_cache()
        chunk = max(least, chunk // 2)
        logging.info("attention keypoints: out of memory, trying again with chunks of %d", chunk)


def build_sd1_model(state_dict: dict[str, torch.Tensor], unet_config: dict, dtype: torch.dtype | None = torch.float32):
    """A MODEL of an SD1.5-shaped UNet of any width; state_dict without prefix, unet_config as the host's.

    dtype  what it computes in; None: what the host would take for such a model on this device
    """
    config = comfy.supported_models.SD15(unet_config)
    load_device = comfy.model_management.get_torch_device()
    offload_device = comfy.model_management.unet_offload_device()
    known = config.supported_inference_dtypes
    if dtype is None:
        parameters = comfy.utils.calculate_parameters(state_dict)
        dtype = comfy.model_management.unet_dtype(load_device, parameters, known)
    config.set_inference_dtype(dtype, comfy.model_management.unet_manual_cast(dtype, load_device, known))
    base = config.get_model(state_dict, "")
    base.load_model_weights(dict(state_dict), "")
    base = base.to(offload_device)
    return comfy.model_patcher.ModelPatcher(base, load_device, offload_device)


def diffusers_keys(unet_config: dict) -> dict[str, str]:
    """Name of each UNet weight in diffusers -> its name in the host."""
    return comfy.utils.unet_to_diffusers(unet_config)


def load_checkpoint(path: str):
    """(MODEL, VAE) of an SD1.5 checkpoint file. Raises ValueError, in words, for any other."""
    try:
        model, _, vae, *_ = comfy.sd.load_checkpoint_guess_config(path, output_vae=True, output_clip=False)
    except Exception as problem:  # the host's readers raise whatever the file makes them
        raise ValueError(f"{path} is no checkpoint that ComfyUI can load: {problem}") from problem
    if model is None or vae is None:
        raise ValueError(f"{path} holds no {'UNet' if model is None else 'VAE'}. Name a whole SD1.5 checkpoint.")
    require_sd1(model)
    return model, vae


def build_vae(state_dict: dict[str, torch.Tensor]):
    """A VAE out of a stock VAE file's tensors."""
    return comfy.sd.VAE(sd=dict(state_dict))
