"""Budgets of callers by the minute: token buckets in a store (memory, PostgreSQL or Redis)."""
