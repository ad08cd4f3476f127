"""How the lab fails."""


class LabError(Exception):
    """Something of the lab itself failed; the message says what and where to look."""
