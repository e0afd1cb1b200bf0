"""Embeddings of clips and texts, and how near they are to each other."""
