"""Numbers and addresses with which nothing could work are refused at the start, by the name of the setting."""

import pytest

from api.settings.settings import load_settings
from core.errors import ConfigError

LEAST = {"ERP__DATABASE_URL": "postgresql://erp", "ERP__ACCOUNTING_CURRENCY": "ILS"}


def load(**variables):
    return load_settings(None, {f"BROKERGRAPH_{name}": value for name, value in (LEAST | variables).items()})


@pytest.mark.parametrize(
    "name, value",
    [
        *(("SERVER__PORT", value) for value in ("-1", "65536", "99999")),
        *(("SERVER__WORKERS", value) for value in ("0", "-1")),
        *(("SERVER__REQUEST_DEADLINE_SECONDS", value) for value in ("0", "-1", "nan", "inf")),
        *(("SERVER__MAX_BODY_BYTES", value) for value in ("0", "-1")),
        ("SERVER__HOT_AFTER", "-1"),
        *((f"LIMITS__{name}", "0") for name in ("COST_MAX", "PAGE_DEFAULT", "PAGE_MAX", "DEPTH_MAX", "FIELDS_MAX")),
        *((f"LIMITS__{name}", "0") for name in ("TOKENS_MAX", "ROOT_FIELDS_MAX")),
        *((f"LIMITS__{name}", "-1") for name in ("LIVE_CLIENTS_MAX", "SINGLE_LIVE_ACCOUNTS_MAX")),
        *((f"LIMITS__{name}", "-1") for name in ("ALIASES_MAX", "DIRECTIVES_MAX")),
        *((f"HTTP__{name}_SECONDS", "0") for name in ("HEADER_TIMEOUT", "BODY_TIMEOUT", "KEEP_ALIVE")),
        *((f"HTTP__{name}", "0") for name in ("MAX_CONNECTIONS", "MAX_HEADER_BYTES", "MAX_HEADERS")),
        *((f"HTTP__{name}", "0") for name in ("MAX_VARIABLES_BYTES", "MAX_QUERY_CHARACTERS")),
        *((f"HTTP__{name}", "-1") for name in ("COMPRESS_FROM_BYTES", "CORS_MAX_AGE_SECONDS")),
        *((f"DOCUMENTS__{name}", "-1") for name in ("MAX_AGE_SECONDS", "CACHE_SECONDS")),
        *((f"{name}__POOL_SIZE", "0") for name in ("ERP", "STATE")),
        *((f"{name}__STATEMENT_TIMEOUT_SECONDS", "0") for name in ("ERP", "STATE")),
        *((f"{name}__CONNECT_TIMEOUT_SECONDS", "0") for name in ("ERP", "STATE")),
        *((f"AUTH__{name}", "-1") for name in ("KEY_CACHE_SECONDS", "KEY_CACHE_SECONDS_WITHOUT_DATABASE")),
        ("AUTH__LAST_USED_EVERY_SECONDS", "0"),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_its_place_and_itself(name, value):
    with pytest.raises(ConfigError) as refused:
        load(**{name: value})

    words = str(refused.value).replace(": ", ".", 1)
    assert words.startswith(name.lower().replace("__", "."))
    assert value in words


@pytest.mark.parametrize(
    "name, value",
    [
        ("SERVER__PORT", "0"),
        ("SERVER__PORT", "65535"),
        ("SERVER__REQUEST_DEADLINE_SECONDS", "0.5"),
        ("LIMITS__LIVE_CLIENTS_MAX", "0"),
        ("LIMITS__PAGE_DEFAULT", "200"),
        ("HTTP__COMPRESS_FROM_BYTES", "1000000000"),
        ("DOCUMENTS__CACHE_SECONDS", "0"),
        ("AUTH__KEY_CACHE_SECONDS", "0"),
    ],
)
def test_the_bounds_themselves_are_taken(name, value):
    assert load(**{name: value})


def test_a_page_is_not_longer_than_pages_may_be_where_its_length_is_not_given():
    with pytest.raises(ConfigError, match=r"limits: page_default \(50\) must not be more than page_max \(20\)"):
        load(LIMITS__PAGE_MAX="20")


@pytest.mark.parametrize("url", ["", "-", "mysql://root:s3cr3t@db/erp", "db.example.com/erp?s3cr3t", "http://s3cr3t"])
@pytest.mark.parametrize("name", ["erp.database_url", "state.database_url", "state.listen_url"])
def test_an_address_that_is_no_database_of_postgresql_is_refused_and_not_shown(name, url):
    with pytest.raises(ConfigError) as refused:
        load(**{name.upper().replace(".", "__"): url})

    words = str(refused.value)
    assert words.replace(": ", ".", 1).startswith(name)
    assert "postgresql://" in words
    assert "s3cr3t" not in words


def test_both_names_of_postgresql_are_taken():
    assert load(ERP__DATABASE_URL="postgres://db/erp", STATE__DATABASE_URL="postgresql:///state?host=/run/postgresql")
