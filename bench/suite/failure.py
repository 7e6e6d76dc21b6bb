"""How the suite gives up."""


class Failed(Exception):
    """What is said in one line before the suite ends with status 1; nothing has been written then."""
