"""Keypoints and what is done with them."""
