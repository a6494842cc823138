"""From gradients to a trained network, and to files."""
