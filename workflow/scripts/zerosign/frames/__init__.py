"""Frames: decoding, sampling, motion, the cache of decoded frames, near duplicates."""
