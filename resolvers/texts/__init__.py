"""Which fields PostgreSQL can render, and as what. Everything here is said a second time, in SQL: the resolvers beside
are what it must agree with, and tests/graph/test_texts.py and the random operations hold it to that.
"""
