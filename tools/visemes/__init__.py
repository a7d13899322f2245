"""Only what trains and measures the viseme model lives here; the product imports none of it."""
