-- `Query.instructions` lists the instructions of all clients by time, for callers of all agencies or of some.
CREATE INDEX instruction_created ON brokergraph.instruction (created_at, number);
CREATE INDEX instruction_agency ON brokergraph.instruction (agency, created_at, number);
