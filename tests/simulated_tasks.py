"""Pipelines for the local server whose tasks only simulate work, each with a project of its own."""

_numbers = iter(range(10**6))


def new_project():
    """A project that no other task has."""
    return f"simulated-{next(_numbers)}"


def pipeline(project=None, provider="simulate", **config):
    component = {"id": "src_1", "provider": provider, "config": config}
    return {"project_id": project or new_project(), "source": "src_1", "components": [component]}


def forever(project=None):
    """A pipeline whose task runs until it is ended."""
    return pipeline(project, forever=True)
