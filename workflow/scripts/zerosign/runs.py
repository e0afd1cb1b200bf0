"""A run: a model, a prompt and a frame sampling. What a user adds, changes and compares."""

from zerosign.entries import Entry


class Run(Entry):
    """A model, a prompt and a frame sampling, each by the name of its entry."""

    model: str
    prompt: str
    sampling: str

    @property
    def name(self) -> str:
        """``<model>.<prompt>.<sampling>``."""
        return f"{self.model}.{self.prompt}.{self.sampling}"


class TableRun(Entry):
    """A run, or a replay of somebody else's predictions, as tables and figures list it."""

    name: str
    label: str
    """What readers see."""
    model: str = ""
    prompt: str = ""
    sampling: str = ""
    checkpoint: str = ""
    """The model's folder or hub id; all four are empty for a replay."""
