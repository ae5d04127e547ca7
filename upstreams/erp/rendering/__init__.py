"""The ERP's part of an answer as JSON text, rendered by PostgreSQL: one statement for a whole page of clients.

- sql_json.py: how a column becomes JSON: exact amounts, texts, codes, ids.
- builder.py: puts columns, relations and parameters together to a statement.
- statement.py: the statement for pages, filtered pages and clients by number.
- reader.py: runs it with what the caller may see. Requests share it where it is by key.

It knows the views and nothing of GraphQL. The caller says which columns an answer needs and under which names.
"""

from upstreams.erp.rendering import sql_json as sql
from upstreams.erp.rendering.builder import AccountPage, Row, StatementBuilder
from upstreams.erp.rendering.reader import ClientTexts, Texts
from upstreams.erp.rendering.sql_json import Json
from upstreams.erp.rendering.statement import Statement

__all__ = ["AccountPage", "ClientTexts", "Json", "Row", "Statement", "StatementBuilder", "Texts", "sql"]
