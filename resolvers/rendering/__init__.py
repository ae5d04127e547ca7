"""Which fields PostgreSQL can render, and as what. Everything here is said a second time, in SQL: the resolvers beside
are what it must agree with, and tests/conformance/engine/test_rendered.py holds it to that with random operations.
"""
