-- Token pairs of vendors that renew the refresh token with every use: a pair that is lost cannot be had again, so it is
-- written here, under a lock that all processes share, before it is used.
CREATE TABLE brokergraph.vendor_token (
    name          text PRIMARY KEY,
    access_token  text NOT NULL,
    refresh_token text,
    stored_at     timestamptz NOT NULL
);
