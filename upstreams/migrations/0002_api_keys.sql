-- Who may call. Only a hash of a key is kept; the key itself is shown once, when it is made.
CREATE TABLE brokergraph.api_key (
    id         text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
    key_hash   bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    principal  text NOT NULL,                 -- whose key it is: instructions belong to the principal, not to the key
    scopes     text[] NOT NULL,
    agencies   integer[],                     -- null: every agency
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
