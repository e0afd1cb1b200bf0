"""From a free answer to a class."""
