"""What `celery --app worker_app worker` runs."""

import os

from watching import make_app

app, watch = make_app(os.environ["BROKER"], os.environ["TOKENS"])
