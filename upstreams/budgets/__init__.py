"""What each caller may still ask for in a minute: Budgets over a store that keeps buckets by the rule of bucket.py."""
