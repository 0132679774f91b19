"""Webhooks, under `/api/webhooks`."""
