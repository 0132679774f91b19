"""Delivering webhooks: what the process `webhooks` does between Redis' word that something is due and the record.

`sending.py` is one try, `courier.py` says who is served when, `process.py` puts a whole process together.
"""
