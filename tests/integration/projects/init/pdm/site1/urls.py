"""What the site answers."""

from django.http import HttpRequest, JsonResponse
from django.urls import path


def root(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"version": "one"})


urlpatterns = [path("", root)]
