#!/usr/bin/env python3
"""A Django project with a command that runs a pipeline, and a view that shows its progress."""

# How to run it:
#
#   pip install . django                         # in the folder of your clone; then go to examples/django_site
#   export ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=…
#   python manage.py migrate --run-syncdb
#   python manage.py run_job ../nightly.pipe     # in a task of its own: cron, systemd, a queue
#   python manage.py runserver                   # http://127.0.0.1:8000/jobs/1/

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)
