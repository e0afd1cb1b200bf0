"""One file per kind of model; `zerosign.models.registry` finds them."""
