"""A run: a model, a prompt and a frame sampling. What a user adds, changes and compares."""

from zerosign.entries import Entry, Many


class Run(Entry):
    """A model, a prompt and a frame sampling, each by the name of its entry."""

    model: str
    prompt: str
    sampling: str

    @property
    def name(self) -> str:
        """``<model>.<prompt>.<sampling>``."""
        return f"{self.model}.{self.prompt}.{self.sampling}"


class Load(Entry):
    """Models that share their weights, and all that is asked of them: one job loads them once."""

    models: Many[str]
    """Names of their entries."""
    runs: Many[str] = ()
    """Runs that ask them."""
    embeds: Many[str] = ()
    """Those whose embeddings are compared with texts."""


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
