"""`manage.py run_job FILE`: run a pipeline to its end, and save its result."""

import signal
import sys

from django.core.management.base import BaseCommand, CommandError
from jobs.models import Job
from jobs.rocketride import client

from rocketride_sync import RocketRideError


def stop(*_):
    # By default, Python ends at a SIGTERM at once: the task would run on.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another one would break off what ends the task
    sys.exit(143)


class Command(BaseCommand):
    help = "Run a pipeline to its end."

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--timeout", type=float, default=3600, help="seconds (default: %(default)s)")

    def run_from_argv(self, argv):
        signal.signal(signal.SIGTERM, stop)
        super().run_from_argv(argv)

    def handle(self, *, file, timeout, **_):
        job = Job(name=file)
        try:
            # `run` ends the task on every way out, also if it still starts.
            with client() as connected:
                status = connected.run(
                    file,
                    ttl=timeout,
                    timeout=timeout,
                    interval=5,
                    on_progress=lambda status: self.keep(job, status),
                ).status
            status.raise_for_outcome()
        except RocketRideError as error:
            raise CommandError(f"{file}: {error}") from error
        done = f"{status.completed_count} of {status.total_count} items"
        if status.has_failures:
            # A success may have lost items: some failed, or were never worked on.
            raise CommandError(f"{file}: job {job.pk}: only {done} succeeded")
        self.stdout.write(f"job {job.pk}: {done}")

    def keep(self, job, status):
        job.status = status.to_dict()
        job.save()
