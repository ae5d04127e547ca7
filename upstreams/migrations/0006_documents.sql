-- Trusted documents: what a partner's programs may ask, under the ids that they ask by (docs/documents.md).
CREATE TABLE brokergraph.document (
    principal text NOT NULL,                  -- whose it is; '*': everybody's
    id        text NOT NULL CHECK (id COLLATE "C" ~ '^[!-~]+$' AND length(id) <= 256),
    text_hash bytea NOT NULL CHECK (length(text_hash) = 32),
    text      text NOT NULL,
    name      text,                           -- of its operation, for people
    added_at  timestamptz NOT NULL,
    PRIMARY KEY (principal, id)
);

-- Callers that send the text itself are known by it.
CREATE INDEX document_by_text ON brokergraph.document (text_hash, principal);
