"""The clips of a data set, the verification of its splits, and leakage between them."""
