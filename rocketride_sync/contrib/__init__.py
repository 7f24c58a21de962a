"""What ties waits into frameworks that have workers of their own: `celery`, `airflow`. Each is an extra of its name."""
