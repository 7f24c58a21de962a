"""Waits inside frameworks that have workers of their own: `celery` and `airflow`, each an extra of its name."""
