"""Networks in another memory layout: the same numbers, sooner."""
