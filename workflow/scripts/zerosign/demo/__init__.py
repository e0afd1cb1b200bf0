"""The embedded study: a synthetic miniature of WLASL, and tiny models that run and learn on it."""
