"""One file per kind of model, and what they share."""
