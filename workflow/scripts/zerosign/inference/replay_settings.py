"""Somebody else's predictions: an entry of a study's key ``replays``."""

from zerosign.entries import Entry, Text


class ReplaySettings(Entry):
    """Scored like a run, on the same clips."""

    predictions: Text
    """CSV with video_id and answer."""
