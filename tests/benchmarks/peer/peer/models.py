"""One table of habits, as they are now."""

from django.conf import settings
from django.db import models


class Habit(models.Model):
    """A habit of a user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    action = models.CharField(max_length=255)
    place = models.CharField(max_length=255)
    time = models.TimeField()
    duration_seconds = models.PositiveSmallIntegerField()
    period_days = models.PositiveSmallIntegerField(default=1)
    is_pleasant = models.BooleanField(default=False)
    reward = models.CharField(max_length=255, null=True, blank=True)
    linked_habit = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    is_published = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["time"])] if settings.TUNED else []
