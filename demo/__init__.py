"""The embedded demo: drawn figures, the small model, and a real ComfyUI to run them in."""
