"""Layers, each a forward pass and the backward pass derived for it."""
