"""What each caller may still ask for in a minute: Budgets over a store that keeps token_bucket.py's buckets."""
