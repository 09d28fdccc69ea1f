"""Whether a request's access token lets it in: the side of the API that tokens are shown to."""
