"""The ERP's part of an answer as JSON text, rendered by PostgreSQL: one statement for a whole page of clients.

    sql_json.py    how a column becomes JSON: exact amounts, texts, codes, ids
    builder.py     puts columns, relations and parameters together to a statement
    statement.py   the statement for pages, filtered pages and clients by number
    reader.py      asks it, with what the caller may see, shared between requests where it is by key

It knows the views and nothing of GraphQL: which columns an answer needs, under which names, is told by whoever asks.
"""
