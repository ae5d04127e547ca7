"""The ERP's part of an answer as JSON text, rendered by PostgreSQL: one statement for a whole page of clients.

- sql_json.py: how a column becomes JSON: exact amounts, texts, codes, ids.
- builder.py: builds a statement from columns, relations and parameters.
- statement.py: the statement for pages, filtered pages and clients by number.
- reader.py: runs the statement with the visibility of the caller. Requests share statements by key.

This package depends on the views and not on GraphQL. Its users define the columns of an answer and their names.
"""

from upstreams.erp.rendering import sql_json as sql
from upstreams.erp.rendering.builder import AccountPage, Row, StatementBuilder
from upstreams.erp.rendering.reader import ClientTexts, Texts
from upstreams.erp.rendering.sql_json import Json
from upstreams.erp.rendering.statement import Statement

__all__ = ["AccountPage", "ClientTexts", "Json", "Row", "Statement", "StatementBuilder", "Texts", "sql"]
