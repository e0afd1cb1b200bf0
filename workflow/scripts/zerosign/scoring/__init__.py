"""Accuracy, intervals, comparisons: one file per family of tables."""
