"""The JSON of habits, with the five rules."""

from rest_framework import serializers

from peer.models import Habit


class HabitSerializer(serializers.ModelSerializer):
    """A habit; the rules are those of the task the peer is known by."""

    duration_seconds = serializers.IntegerField(min_value=1, max_value=120)
    period_days = serializers.IntegerField(min_value=1, max_value=7, default=1)

    class Meta:
        model = Habit
        exclude = ["user"]

    def validate(self, habit):
        """Check what may stand together."""
        reward, linked = habit.get("reward"), habit.get("linked_habit")
        if reward and linked:
            raise serializers.ValidationError("A habit has a reward or a linked habit, not both.")
        if linked and not linked.is_pleasant:
            raise serializers.ValidationError("Only pleasant habits can be linked.")
        if habit.get("is_pleasant") and (reward or linked):
            raise serializers.ValidationError("A pleasant habit has neither reward nor link.")
        return habit
