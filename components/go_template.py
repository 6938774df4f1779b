"""Writes texts for Go's templates, which the annotations of Prometheus' alerts are."""


def literal(text: str) -> str:
    """Return a template that gives the text itself, whatever is in it.

    Every `{` is an action of its own, so that none makes a `{{` with what stands before or behind the text.
    """
    return text.replace("{", '{{"{"}}')
