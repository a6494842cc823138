"""Networks in another memory layout: the same numbers, sooner."""

from scratchcnn.compiler.accelerate import accelerate

__all__ = ["accelerate"]
