"""The progress of a run, as JSON. In a project of yours, check that the user may see it."""

import logging

from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from rocketride_sync import ConfigurationError, RocketRideError, TaskLostError, TaskNotFoundError, TaskStatus

from .models import Job
from .rocketride import client

log = logging.getLogger(__name__)


def job_status(_, pk):
    job = get_object_or_404(Job, pk=pk)
    status = TaskStatus.from_dict(job.status)
    if not status.is_terminal:
        try:
            token = client().get_task_token(status.project_id, status.source)
            if token is None:
                return JsonResponse(shown("unknown", status))
            status = client().get_task_status(token, previous=status)
        except (TaskLostError, TaskNotFoundError):
            return JsonResponse(shown("unknown", status))
        except ConfigurationError as error:  # such as a missing key: trying again does not help
            log.error("job %s: %s", pk, error)
            return JsonResponse({"error": "this site is not set up correctly"}, status=500)
        except RocketRideError as error:
            log.error("job %s: %s", pk, error)
            return JsonResponse({"error": "try again later"}, status=502)
    return JsonResponse(shown(status.outcome.value, status))


def shown(outcome, status):
    # Not the whole document: its notes may hold the token.
    return {
        "outcome": outcome,
        "progress": status.progress,
        "completed": status.completed_count,
        "failed": status.failed_count,
    }
