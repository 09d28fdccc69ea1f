"""Webhook endpoints: from calls to the webhooks room and back."""
