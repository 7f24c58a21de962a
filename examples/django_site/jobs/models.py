"""What is known of a run. The token is a secret: it goes into no address, page or log."""

from django.db import models


class Job(models.Model):
    name = models.CharField(max_length=200)
    token = models.CharField(max_length=200)
    # The last one seen: by it another run with the same token is noticed.
    status = models.JSONField(default=dict)
