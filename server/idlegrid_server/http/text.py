"""Text that every database can hold."""


def storable(text: str | None) -> str | None:
    """PostgreSQL's text knows no NUL; it is shown as the symbol for it."""
    return None if text is None else text.replace("\0", "\u2400")
