"""The minute task: finds what is due by its time, and loops."""

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from peer.models import Habit


@shared_task
def send_reminders():
    """Return how many reminders were sent; a key in the cache keeps each to one a minute."""
    now = timezone.now()
    due = Habit.objects.filter(is_pleasant=False, time__hour=now.hour, time__minute=now.minute)
    return sum(1 for habit in due if cache.add(f"sent-{habit.pk}-{now:%Y%m%d%H%M}", 1, 3600))
