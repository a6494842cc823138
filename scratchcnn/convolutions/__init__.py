"""Five ways to compute one convolution, and what they cost."""
