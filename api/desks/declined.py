"""What a desk says when it says no."""


class Declined(Exception):
    """The desk will not do a command; the code says why."""
