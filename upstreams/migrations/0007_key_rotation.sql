-- A key that is rotated has a successor, and ends when the overlap is over; and when was a key used last, by the minute?
ALTER TABLE brokergraph.api_key ADD COLUMN successor text REFERENCES brokergraph.api_key;
ALTER TABLE brokergraph.api_key ADD COLUMN last_used_at timestamptz;
