"""The one exception that is a user's to mend."""


class UserError(Exception):
    """A mistake in the user's configuration or data: one line that names it and the mend."""
