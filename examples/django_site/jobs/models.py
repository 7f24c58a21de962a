"""What is known of a run. A token is a secret, so none is kept: the server tells it for a project and a source."""

from django.db import models


class Job(models.Model):
    name = models.CharField(max_length=200)
    # The last one seen. It names project and source, and by it another run with the same token is noticed.
    status = models.JSONField(default=dict)
