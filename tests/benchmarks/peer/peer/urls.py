"""The routes that are measured."""

from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView

from peer.views import Habits, Register

urlpatterns = [
    path("api/habit/", Habits.as_view()),
    path("api/register/", Register.as_view()),
    path("api/token/", TokenObtainPairView.as_view()),
]
