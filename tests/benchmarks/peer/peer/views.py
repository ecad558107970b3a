"""Habits of the caller: list and create; and signing up, so that there are callers."""

from django.contrib.auth.models import User
from rest_framework import generics, pagination, permissions, serializers

from peer.models import Habit
from peer.serializers import HabitSerializer


class FiveAPage(pagination.PageNumberPagination):
    """Pages of five, with the length of the list."""

    page_size = 5


class Habits(generics.ListCreateAPIView):
    """The caller's habits."""

    serializer_class = HabitSerializer
    pagination_class = FiveAPage

    def get_queryset(self):
        return Habit.objects.filter(user=self.request.user)

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)


class UserSerializer(serializers.ModelSerializer):
    """A new user; the password is hashed."""

    class Meta:
        model = User
        fields = ["username", "password"]
        extra_kwargs = {"password": {"write_only": True}}

    def create(self, values):
        return User.objects.create_user(**values)


class Register(generics.CreateAPIView):
    """Sign up."""

    serializer_class = UserSerializer
    permission_classes = [permissions.AllowAny]
