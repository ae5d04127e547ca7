from support.vendor_calls import call, house, stranger

__all__ = ["call", "house", "stranger"]
