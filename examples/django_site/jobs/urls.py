"""The addresses."""

from django.urls import path

from .views import job_status

urlpatterns = [path("jobs/<int:pk>/", job_status)]
