"""Is this clip that sign? Pairs, verdicts, measures, descriptions of signs."""
