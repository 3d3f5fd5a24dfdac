"""Reading the UNet's cross-attention: layers, recorder, averaged maps, early exit, the host."""
